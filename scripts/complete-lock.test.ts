import assert from "node:assert/strict";
import { test } from "node:test";
import { completeLock, type LockFile, platformOf } from "./complete-lock.ts";

test("a platform package's name tells its platform", () => {
  const table: [string, ReturnType<typeof platformOf>][] = [
    ["@biomejs/cli-darwin-arm64", { os: ["darwin"], cpu: ["arm64"] }],
    ["@biomejs/cli-linux-x64-musl", { os: ["linux"], cpu: ["x64"], libc: ["musl"] }],
    ["@oxlint/binding-linux-arm-gnueabihf", { os: ["linux"], cpu: ["arm"], libc: ["glibc"] }],
    ["@oxlint-tsgolint/win32-x64", { os: ["win32"], cpu: ["x64"] }],
    ["@types/node", undefined],
  ];
  for (const [name, platform] of table) assert.deepEqual(platformOf(name), platform, name);
});

test("a completed lock has every platform package of its tools, and stays as it is", () => {
  const lock: LockFile = {
    packages: {
      "": {},
      "node_modules/tool": {
        dev: true,
        optionalDependencies: {
          "tool-linux-x64": "1.2.3",
          "tool-darwin-x64": "1.2.3",
          other: "1.0.0",
        },
      },
      "node_modules/tool-linux-x64": { version: "1.2.3", optional: true },
    },
  };
  assert.deepEqual(completeLock(lock), ["tool-darwin-x64"]);
  assert.deepEqual(lock.packages["node_modules/tool-darwin-x64"], {
    version: "1.2.3",
    dev: true,
    optional: true,
    os: ["darwin"],
    cpu: ["x64"],
  });
  assert.deepEqual(completeLock(lock), []);
});
