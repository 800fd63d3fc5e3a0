/** Two processes of a region share its port; they are restarted one after the other under load, and no caller notices. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { RollingResult } from "./support/rolling-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const rounds = isLong ? 20 : 2;
const run = fileURLToPath(new URL("support/rolling-run.ts", import.meta.url));
const execute = promisify(execFile);

/** A new network namespace needs the right to make one, as root or where the system lets users. */
async function namespaceOptions(): Promise<string[] | undefined> {
  const setting = "/proc/sys/net/ipv4/tcp_migrate_req";
  for (const options of [["-n"], ["-rn"]]) {
    try {
      await execute("unshare", [
        ...options,
        "sh",
        "-c",
        `ip link set lo up && echo 1 > ${setting}`,
      ]);
      return options;
    } catch {
      // The other way, or none.
    }
  }
  return undefined;
}

const options = await namespaceOptions();
const skip =
  options === undefined && "a network namespace and tcp_migrate_req (Linux 5.14) are needed";

test(`${rounds} rolling restarts under load: no call fails, no charge is lost`, {
  skip,
}, async (t) => {
  const { stdout } = await execute("unshare", [
    ...(options ?? []),
    ...[process.execPath, run, String(rounds)],
  ]);
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as RollingResult;
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual(result.failures, []);
  assert.equal(result.over, 0);
  assert.equal(result.restarts, 2 * rounds);
  assert.ok(result.freshCalls > 100);
  t.diagnostic(
    `figure: ${rounds} rolling restarts of two processes, 0 of ${result.calls} calls failed, 0 charges lost`,
  );
});
