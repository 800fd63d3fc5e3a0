/**
 * Two processes on one port are restarted one after the other, again and again, under load. To be run in a network namespace of its
 * own (`unshare -n`), where the kernel setting that the guide names can be made; the last line printed is the result as JSON.
 *
 * Arguments: how often both are restarted.
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./call-ledger.ts";
import { assertExact } from "./exactness.ts";
import { Fleet } from "./fleet.ts";

export interface RollingResult {
  readonly restarts: number;
  readonly calls: number;
  /** Calls on a connection of their own: each is a new one for the kernel to hand to a process. */
  readonly freshCalls: number;
  /** Refused, broken off or answered otherwise than 200. */
  readonly failures: readonly string[];
  readonly over: number;
}

const rounds = Number(process.argv[2] ?? 1);
const perSecond = 300;
const connections = 16;
/** Callers with a new connection for each call. */
const freshCallers = 8;
const freshPauseMs = 10;
const calmMs = 100;

execFileSync("ip", ["link", "set", "lo", "up"]);
// Connections that wait at the door of a process that closes it go to the other's.
writeFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "1");

const fleet = await Fleet.start(
  "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }",
  { regions: ["sydney"], config: { processes: 2 } },
);
try {
  const { key, id } = await fleet.createKnownKey("huge");
  const target = { region: "sydney", url: fleet.url("sydney") };
  const options = { targets: [target], keys: [key], perSecond, connections };
  const ledger = new CallLedger(options);
  let isOver = false;
  let freshCalls = 0;
  ledger.start();
  const fresh = Array.from({ length: freshCallers }, async () => {
    for (; !isOver; freshCalls++) {
      await ledger.probe(target);
      await sleep(freshPauseMs);
    }
  });
  for (let round = 0; round < rounds; round++) {
    for (const name of fleet.gatewayNames) {
      await sleep(calmMs);
      const code = await fleet.end(name, "SIGTERM");
      if (code !== 0) throw new Error(`${name} ended with ${code}\n${fleet.output}`);
      await fleet.startGateway(name);
    }
  }
  await sleep(calmMs);
  isOver = true;
  await Promise.all(fresh);
  await ledger.stop();
  const counted = await assertExact(fleet, ledger, new Map([[key, id]]));
  const failures = [
    ...[...ledger.others].map(([what, count]) => `${count} × ${what}`),
    ...[...ledger.refused.values()].map((count) => `${count} × refused`),
    ...[...ledger.broken.values()].map((count) => `${count} × broken off`),
  ];
  const restarts = rounds * fleet.gatewayNames.length;
  const result: RollingResult = {
    ...{ restarts, calls: counted.acked, freshCalls, failures, over: counted.over },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await fleet.stop();
}
