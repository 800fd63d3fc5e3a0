import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
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

async function holdInChild(): Promise<ChildProcess> {
  const program = `
    const { lockFolder } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
    lockFolder(${JSON.stringify(folder)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  return child;
}

test("the lock of another process holds, and goes when that process is killed", async () => {
  const child = await holdInChild();
  assert.throws(() => lockFolder(folder), { code: "data-in-use" });
  child.kill("SIGKILL");
  await once(child, "exit");
  lockFolder(folder).release();
});
