import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { readWebFolder, webBytesMax } from "./web-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "tallygate-web-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("a folder that is not there has no files", () => {
  assert.equal(readWebFolder(join(folder, "none")).size, 0);
});

test("files are known by path, type and content; other kinds are left out", () => {
  mkdirSync(join(folder, "assets"));
  const script = "let x = 1;\n".repeat(50);
  writeFileSync(join(folder, "assets", "a-1.js"), script);
  writeFileSync(join(folder, "index.html"), "<p>");
  writeFileSync(join(folder, ".stamp"), "x");
  writeFileSync(join(folder, "a.js.map"), "{}");
  const files = readWebFolder(folder);
  assert.deepEqual([...files.keys()], ["assets/a-1.js", "index.html"]);
  const asset = files.get("assets/a-1.js");
  assert.equal(asset?.type, "text/javascript; charset=utf-8");
  assert.equal(asset?.isImmutable, true);
  assert.equal(gunzipSync(asset?.gzip ?? new Uint8Array()).toString(), script);
  assert.equal(files.get("index.html")?.isImmutable, false);
  assert.equal(files.get("index.html")?.gzip, undefined, "it would grow");
});

test("a folder that is too large to be the pages is refused", () => {
  writeFileSync(join(folder, "big.json"), "");
  truncateSync(join(folder, "big.json"), webBytesMax + 1);
  assert.throws(() => readWebFolder(folder), { code: "config-invalid" });
});
