import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { root } from "../checks.ts";
import { metricNames } from "./metric-tables.ts";
import { fillPage, parts, partsOf } from "./pages.ts";

const pages = globSync("docs/*.md", { cwd: root }).map((file) => ({
  file,
  text: readFileSync(join(root, file), "utf8"),
}));

for (const { file, text } of pages) {
  test(`${file} says what the code does`, () => {
    assert.equal(text, fillPage(text), `${file} is out of date: run \`npm run docs\``);
  });
}

test("every generated part stands on one page", () => {
  const shown = pages.flatMap(({ text }) => partsOf(text));
  assert.deepEqual(shown.toSorted(), Object.keys(parts).toSorted());
});

test("no metric of the sources is left out", () => {
  const known = new Set(metricNames());
  for (const file of globSync("src/**/*.ts", { cwd: root, exclude: ["**/*.test.ts"] })) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, name = ""] of text.matchAll(/"(tallygate_[a-z_]+)"/g)) {
      assert.ok(known.has(name), `${name} of ${file} is not in docs/metrics.md`);
    }
  }
});

test("every metric that a page names is there", () => {
  const known = metricNames();
  for (const { file, text } of pages) {
    for (const [name, , rest = ""] of text.matchAll(
      /tallygate_[a-z_]*[a-z](\*|_\*)?(?=([^a-z_]|$))/g,
    )) {
      const base = name.replace(/_(bucket|sum|count)$/, "");
      const isThere = known.includes(name) || known.includes(base);
      // A family of them: `tallygate_upstream_*`.
      const isFamily = rest === "*" || name.endsWith("*");
      assert.ok(isThere || isFamily, `${file}: ${name}`);
    }
  }
});

test("links between pages lead somewhere", () => {
  const all = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...pages.map(({ file }) => file)];
  for (const file of all) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      // Measured, not written: `npm run claims` makes it.
      if (target === "docs/claims.md") continue;
      assert.ok(existsSync(join(root, dirname(file), target)), `${file}: ${target}`);
    }
  }
});
