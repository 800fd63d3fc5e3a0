/**
 * The house rules, enforced: each rule holds for every file that git knows, and each is shown to
 * bite, by planted violations beside things that look alike and are allowed.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as rules from "./house-rules/rules.ts";
import { importsOf, scan } from "./house-rules/scan.ts";

const root = join(import.meta.dirname, "..");

/** Tracked and new files, without what git ignores and without binary data. */
function repositoryFiles(): rules.SourceFile[] {
  const listing = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listing
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter(({ text }) => !text.includes("\0"));
}

const files = repositoryFiles();

interface Planted {
  readonly rule: rules.Rule;
  /** Files that break the rule, each alone. */
  readonly breaks: Readonly<Record<string, string>>[];
  /** Files that look alike and are fine, each alone. */
  readonly keeps: Readonly<Record<string, string>>[];
}

// Put together here, because the rules read this file too.
const machineFolder = ["", "work", "main"].join("/");
const temporary = ["", "tmp", "x"].join("/");
const registry = ["registry", "npmjs", "org"].join(".");

const table: Readonly<Record<string, Planted>> = {
  "folders import what the table allows": {
    rule: rules.importsFollowTable,
    breaks: [
      { "src/limits/a.ts": 'import { b } from "../metering/b.ts";' },
      { "src/gateway/a.ts": 'import { fold } from "../hub/fold.ts";' },
      { "src/gateway/a.ts": 'export * from "../control/api.ts";' },
      { "src/ports/a.ts": 'import { decide } from "../limits/decide.ts";' },
      { "src/control/a.ts": 'import { type Hub } from "../hub/hub.ts";' },
      { "src/gateway/a.ts": 'const undici = await import("undici");' },
      { "src/limits/a.ts": 'import { hash } from "node:crypto";' },
      { "src/base/hash.ts": 'import { open } from "node:fs";' },
      { "src/adapters/sqlite/a.ts": 'import WebSocket from "ws";' },
      { "src/adapters/sqlite/a.ts": 'import { x } from "../direct/x.ts";' },
      { "src/gateway/a.ts": 'import { x } from "../../scripts/x.ts";' },
      { "src/gateway/a.ts": 'import { x } from "./b.test.ts";' },
      { "src/elsewhere/a.ts": 'import "./b.ts";' },
      { "src/gateway/a.ts": 'import {\n  one,\n  two,\n} from "../hub/fold.ts";' },
    ],
    keeps: [
      { "src/limits/a.ts": 'import { b } from "../base/b.ts";\nimport { c } from "./c.ts";' },
      { "src/ports/a.ts": 'import type { Plan } from "../limits/plan.ts";' },
      { "src/control/a.ts": 'import type { Hub } from "../hub/hub.ts";' },
      { "src/base/hash.ts": 'import { hash } from "node:crypto";' },
      { "src/control/a.ts": 'import { z } from "@hono/zod-openapi";' },
      { "src/cli/a.ts": 'import { serve } from "../adapters/node/serve.ts";' },
      { "src/gateway/a.test.ts": 'import { fold } from "../hub/fold.ts";' },
      { "src/gateway/a.ts": '// import { fold } from "../hub/fold.ts";' },
      {
        "src/gateway/a.ts":
          'const text = `\nimport { fold } from "not code, but see below"`;'.replace(
            "import",
            "to import",
          ),
      },
    ],
  },
  "no file imports itself by way of others": {
    rule: rules.noImportCycles,
    breaks: [
      {
        "src/hub/a.ts": 'import { b } from "./b.ts";',
        "src/hub/b.ts": 'import { a } from "./a.ts";',
      },
      { "src/hub/a.ts": 'import { a } from "./a.ts";' },
    ],
    keeps: [
      {
        "src/hub/a.ts": 'import { b } from "./b.ts";',
        "src/hub/b.ts": 'import type { A } from "./a.ts";',
      },
    ],
  },
  "clock, timers, randomness, network, process and console stay outside": {
    rule: rules.outsideOnlyInAdapters,
    breaks: [
      { "src/gateway/a.ts": "const t = Date.now();" },
      { "src/gateway/a.ts": "const t = new Date();" },
      { "src/hub/a.ts": "setTimeout(() => {}, 1);" },
      { "src/hub/a.ts": "const f = setImmediate;" },
      { "src/limits/a.ts": "Math.random()" },
      { "src/control/a.ts": "console.log(1)" },
      { "src/control/a.ts": "process.exit(1)" },
      { "src/control/a.ts": "const t = `${performance.now()}`;" },
      { "src/control/a.ts": "await fetch(url)" },
      { "src/control/a.ts": "globalThis.fetch(url)" },
      { "src/control/a.ts": "globalThis.crypto.randomUUID()" },
      { "src/control/a.ts": "crypto.randomUUID()" },
    ],
    keeps: [
      { "src/gateway/a.ts": "const d = new Date(ms); const u = Date.UTC(2026, 1);" },
      { "src/gateway/a.ts": "timers.setTimeout(f, 1); this.clock.performance.now();" },
      { "src/gateway/a.ts": "// Date.now() is the adapter's\nconst s = 'console.log';" },
      {
        "src/ports/a.ts":
          "interface Timers {\n  setTimeout(run: () => void, ms: number): Timer;\n}",
      },
      { "src/control/a.ts": "await globalThis.crypto.subtle.digest(name, bytes)" },
      { "src/adapters/node/a.ts": "Date.now()" },
      { "src/cli/a.ts": "console.log(process.argv)" },
      { "src/gateway/a.test.ts": "Date.now()" },
    ],
  },
  "the pure folders have no async": {
    rule: rules.pureFoldersArePure,
    breaks: [
      { "src/limits/a.ts": "export async function f() {}" },
      { "src/access/a.ts": "return new Promise(() => {});" },
      { "src/metering/a.ts": "function f(): Promise<void> {}" },
    ],
    keeps: [{ "src/gateway/a.ts": "async function f() {}" }, { "src/limits/a.ts": "// async" }],
  },
  "no path of one machine": {
    rule: rules.noMachinePaths,
    breaks: [
      { "docs/a.md": `cd ${machineFolder}` },
      { "src/cli/a.ts": `open("${temporary}")` },
      { "a.json": `"${["", "home", "someone"].join("/")}"` },
      { "a.sh": `cd ${["", "root"].join("/")}\n` },
    ],
    keeps: [{ "docs/a.md": `see https://example.com${machineFolder} and docs${temporary}` }],
  },
  "no registry's host": {
    rule: rules.noRegistryHosts,
    breaks: [
      { "package-lock.json": `"resolved": "https://x"` },
      { ".npmrc": `registry=https://${registry}/` },
    ],
    keeps: [{ "package-lock.json": '"integrity": "sha512-x"' }],
  },
  "files are short": {
    rule: rules.filesAreShort,
    breaks: [
      { "src/hub/a.ts": "x\n".repeat(401) },
      { "README.md": "x\n".repeat(151) },
      { "ARCHITECTURE.md": "x\n".repeat(251) },
    ],
    keeps: [
      { "src/hub/a.ts": "x\n".repeat(400) },
      { "src/hub/a.ts": `/** Longer than 400 lines: one table. */\n${"x\n".repeat(401)}` },
      { "docs/a.md": "x\n".repeat(1000) },
    ],
  },
  "versions are exact": {
    rule: rules.versionsAreExact,
    breaks: [
      { "package.json": '{ "dependencies": { "a": "^1.2.3" } }' },
      { "bench/package.json": '{ "devDependencies": { "a": "latest" } }' },
    ],
    keeps: [{ "package.json": '{ "dependencies": { "a": "1.2.3", "b": "1.0.0-rc.1" } }' }],
  },
  "lock files are complete": {
    rule: rules.locksAreComplete,
    breaks: [{ "package-lock.json": '{"packages":{"a":{"optionalDependencies":{"b":"1.0.0"}}}}' }],
    keeps: [
      {
        "package-lock.json":
          '{"packages":{"a":{"optionalDependencies":{"b":"1.0.0"}},"node_modules/b":{}}}',
      },
    ],
  },
  "addresses of files survive the build": {
    rule: rules.addressesSurviveTheBuild,
    breaks: [{ "src/cli/a.ts": 'new Worker(new URL("./b.ts", import.meta.url))' }],
    keeps: [{ "src/cli/a.ts": 'new URL("./b.json", import.meta.url)' }],
  },
};

function planted(sources: Readonly<Record<string, string>>): rules.SourceFile[] {
  return Object.entries(sources).map(([path, text]) => ({ path, text }));
}

for (const [name, { rule, breaks, keeps }] of Object.entries(table)) {
  test(`${name}: the rule bites`, () => {
    for (const sources of breaks) {
      assert.ok(rule(planted(sources)).length > 0, `not noticed: ${JSON.stringify(sources)}`);
    }
    for (const sources of keeps) assert.deepEqual(rule(planted(sources)), []);
  });

  test(name, () => {
    const violations = rule(files);
    assert.equal(violations.length, 0, `\n${violations.join("\n")}`);
  });
}

test("every rule is in the table", () => {
  const listed = new Set(Object.values(table).map(({ rule }) => rule));
  const unlisted = Object.entries(rules).filter(([, rule]) => !listed.has(rule));
  assert.deepEqual(unlisted, []);
});

test("the scanner tells code from text", () => {
  const cases: readonly (readonly [source: string, code: string])[] = [
    ["a // b", "a     "],
    ["a /* b\nc */ d", "a     \n     d"],
    ['x = "a//b";', 'x = "    ";'],
    ["x = `a${b}c`;", "x = ` ${b} `;"],
    ["x = `${`in${a}`}${{ b: 1 }}`; y", "x = `${`  ${a}`}${{ b: 1 }}`; y"],
    ["x = a / b / c; // d", "x = a / b / c;     "],
    ['x = /"[/]/g.test(y); "z"', 'x = /    /g.test(y); " "'.replace("/    /g", "/     g")],
    ["it's", "it's"],
  ];
  for (const [source, code] of cases) assert.equal(scan(source).code, code, source);
});

test("the scanner finds every form of import", () => {
  const source = [
    'import "a";',
    'import b from "b";',
    'import type { C } from "c";',
    'import { type D } from "d";',
    'import * as e from "e";',
    'export { f } from "f";',
    'export type { G } from "g";',
    'const h = import("h");',
    'type I = import("i").I;',
    'import type, { j } from "j";',
  ].join("\n");
  const found = importsOf(scan(source)).map((i) =>
    i.typeOnly ? `type ${i.specifier}` : i.specifier,
  );
  assert.deepEqual(found.sort(), ["a", "b", "d", "e", "f", "h", "i", "j", "type c", "type g"]);
});
