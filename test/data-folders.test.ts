/**
 * T19: one data folder, two processes. On the folder itself the second refuses to start; of a copy of it, which no lock can see, the hub
 * notices that two processes run with one journal, says so and talks to neither until one has gone.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CallLedger } from "./support/call-ledger.ts";
import { command, freeBasePort, mainFile, until } from "./support/cluster.ts";
import { assertExact } from "./support/exactness.ts";
import { Fleet } from "./support/fleet.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const region = "sydney";
const plans = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";
const noticedMsMax = 10_000;
/** The hub waits a while whether the other one comes, and the gateway asks again every few seconds. */
const welcomedMsMax = 30_000;

let fleet: Fleet;

before(async () => {
  fleet = await Fleet.start(plans, { regions: [region] });
});

after(() => fleet.stop());

function processArguments(data: string, ...more: readonly string[]): string[] {
  return ["--config", join(fleet.folder, "tallygate.yaml"), "--data", data, ...more];
}

for (const [what, args] of [
  ["gateway", ["gateway", "--region", region]],
  ["hub", ["hub"]],
] as const) {
  test(`a second ${what} on the same data folder refuses to start and says why`, async () => {
    const { code, stdout, stderr } = await command(
      [...args, ...processArguments(fleet.data)],
      fleet.folder,
    );
    assert.equal(code, 1, stdout);
    assert.match(stderr, /The data folder is in use by another process: .*; stop that process/);
  });
}

async function warnings(): Promise<readonly string[]> {
  const { json } = await fleet.api("GET", "/v1/status");
  return (json as { warnings: string[] }).warnings;
}

async function isConnected(): Promise<boolean> {
  const { json } = await fleet.api("GET", "/v1/status");
  const { regions } = json as {
    regions: { name: string; processes: { connected: boolean }[] }[];
  };
  const of = regions.find(({ name }) => name === region);
  return of?.processes.some(({ connected }) => connected) === true;
}

/** The gateway once more, on a copy of its data folder and other ports. */
async function startCopy(data: string): Promise<ChildProcess> {
  const port = await freeBasePort();
  const ports = ["--listen", `127.0.0.1:${port}`, "--operations", `127.0.0.1:${port + 1}`];
  const args = processArguments(data, ...ports, "--hub-url", fleet.hubUrl);
  return spawn(process.execPath, [mainFile, "gateway", "--region", region, ...args], {
    stdio: "ignore",
  });
}

test("a copied data folder is noticed, and once the copy has stopped everything is counted once", async (t) => {
  const { key, id } = await fleet.createKnownKey("huge");
  const ledger = new CallLedger({
    targets: [{ region, url: fleet.url(region) }],
    keys: [key],
    ...{ perSecond: 50, connections: 4 },
  });
  ledger.start();
  let copy: ChildProcess | undefined;
  try {
    await until(() => ledger.acked > 20, 5_000, "calls to be answered");
    await fleet.end(region, "SIGKILL");
    const copied = join(fleet.folder, "copied");
    cpSync(fleet.data, copied, { recursive: true });
    await fleet.startGateway(region);
    copy = await startCopy(copied);
    const isNoticed = async (): Promise<boolean> =>
      (await warnings()).some((text) => text.includes(`${region}/0: a data folder was copied`));
    const noticedMs = await until(isNoticed, noticedMsMax, "the hub to notice");
    const ended = new Promise((resolve) => copy?.once("exit", resolve));
    copy.kill("SIGKILL");
    await ended;
    // By itself after ten seconds or more, which only the long form has; at once where it is started anew.
    if (!isLong) {
      await fleet.end(region, "SIGTERM");
      await fleet.startGateway(region);
    }
    const welcomedMs = await until(isConnected, welcomedMsMax, "the gateway to be welcomed again");
    t.diagnostic(
      `noticed after ${Math.round(noticedMs)} ms; welcomed again ${Math.round(welcomedMs)} ms later`,
    );
  } finally {
    copy?.kill("SIGKILL");
    await ledger.stop();
  }
  await assertExact(fleet, ledger, new Map([[key, id]]));
  assert.deepEqual([...ledger.others], [], "no call was refused meanwhile");
});
