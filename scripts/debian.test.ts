import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { ensureDebian } from "./debian.ts";

const isDebian = existsSync("/usr/bin/dpkg-query");

test("a package that is there is installed", { skip: !isDebian && "not a Debian" }, async () => {
  assert.deepEqual(await ensureDebian(["dpkg"]), { state: "installed" });
});

test("asking for nothing is fulfilled", async () => {
  assert.deepEqual(await ensureDebian([]), { state: "installed" });
});
