import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { lockFolder } from "./lock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a locked folder is refused in one sentence that names it, and free again after release", () => {
  const lock = lockFolder(folder);
  assert.throws(
    () => lockFolder(folder),
    (error: { code?: string; detail?: string }) => {
      assert.equal(error.code, "data-in-use");
      assert.ok(error.detail?.includes(folder));
      return true;
    },
  );
  lock.release();
  lock.release();
  lockFolder(folder).release();
});

test("a folder that does not exist is made, one that cannot be is refused", () => {
  lockFolder(join(folder, "a", "b")).release();
  writeFileSync(join(folder, "file"), "");
  assert.throws(() => lockFolder(join(folder, "file")), { code: "data-unwritable" });
});

test("the lock of another process holds though nobody refers to it, and goes when that process is killed", async () => {
  const program = `
    const { lockFolder } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
    lockFolder(${JSON.stringify(folder)});
    gc();
    setTimeout(() => {
      gc();
      console.log("held");
    }, 10);
    setInterval(() => {}, 1000);`;
  const args = ["--expose-gc", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    await once(child.stdout, "data");
    assert.throws(() => lockFolder(folder), { code: "data-in-use" });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  lockFolder(folder).release();
});
