import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dataFolder, ensureToken, readToken, replaceFile } from "./data-folder.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-data-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a token is made once, is readable by its owner only, and leaves nothing else behind", () => {
  const data = dataFolder(join(folder, "fresh"));
  const token = ensureToken(data.adminToken);
  assert.match(token, /^[\w-]{43}$/);
  assert.equal(ensureToken(data.adminToken), token);
  assert.equal(statSync(data.adminToken).mode & 0o777, 0o600);
  assert.equal(statSync(data.root).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(data.root), ["admin-token"]);
});

test("a token that somebody wrote is taken as it is, one that can be guessed is refused", () => {
  const file = join(folder, "chosen");
  writeFileSync(file, "a-token-of-sixteen-or-more\n");
  assert.equal(ensureToken(file), "a-token-of-sixteen-or-more");
  for (const text of ["", "short", `${"x".repeat(513)}`, "two words of enough length"]) {
    writeFileSync(file, text);
    assert.throws(() => readToken(file), { code: "data-damaged" });
  }
});

test("a file is replaced as a whole", () => {
  const file = join(folder, "state.json");
  replaceFile(file, "one");
  replaceFile(file, "two");
  assert.equal(readFileSync(file, "utf8"), "two");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.throws(() => replaceFile(join(file, "below"), "x"), { code: "data-unwritable" });
});
