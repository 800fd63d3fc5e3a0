import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { after, before, test } from "node:test";
import { TallygateError } from "../base/errors.ts";
import { loadConfig } from "./load-config.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-config-"));
  writeFileSync(join(folder, "hello.ts"), "export default () => new Response('hello');\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));

const config = {
  version: 1,
  hub: { listen: "127.0.0.1:8080" },
  regions: { sydney: { listen: "127.0.0.1:8081", operations: "127.0.0.1:8181" } },
  plans: { free: { limits: [{ name: "day", per: "key", quota: 10, window: "day" }] } },
  routes: [{ path: "/", handler: "./hello.ts" }],
};

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test("YAML, JSON and a module give the same configuration", async () => {
  const text = JSON.stringify(config);
  const files = [
    write("a.yaml", text),
    write("a.json", text),
    write("a.ts", `export default ${text};\n`),
  ];
  const loaded = await Promise.all(files.map((file) => loadConfig(file)));
  assert.ok(loaded.every(({ file }) => isAbsolute(file)));
  const [first, ...others] = loaded.map(({ config }) => JSON.stringify(config));
  for (const other of others) assert.equal(other, first);
});

test("a changed module is read anew", async () => {
  const file = write("changing.ts", `export default ${JSON.stringify(config)};\n`);
  assert.equal((await loadConfig(file)).config.durability, "os");
  write("changing.ts", `export default ${JSON.stringify({ ...config, durability: "disk" })};\n`);
  assert.equal((await loadConfig(file)).config.durability, "disk");
});

const refused = [
  ["no file", "absent.yaml", undefined, "config-unreadable", /no such file/],
  ["a folder", ".", undefined, "config-unreadable", /not a file/],
  ["not YAML", "broken.yaml", "a: [", "config-invalid", /broken\.yaml:1:\d+: /],
  ["an unknown field", "field.yaml", "version: 1\ncolour: red\n", "config-invalid", /:2:1: colour/],
  ["a module that throws", "throws.ts", "throw new Error('no');", "config-invalid", /no$/],
  [
    "a module without default",
    "none.ts",
    "export const a = 1;",
    "config-invalid",
    /default export/,
  ],
] as const;

for (const [what, name, text, code, detail] of refused) {
  test(`${what} is refused with ${code}`, async () => {
    const file = text === undefined ? join(folder, name) : write(name, text);
    await assert.rejects(loadConfig(file), (error) => {
      assert.ok(error instanceof TallygateError);
      assert.equal(error.code, code);
      assert.match(error.detail, detail);
      return true;
    });
  });
}
