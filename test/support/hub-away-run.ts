/** Issue row 9: the hub away under load with a gateway restarted meanwhile, and the hub restored from a backup. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./call-ledger.ts";
import { until } from "./cluster.ts";
import { regionNames } from "./configs.ts";
import { assertExact, type Counted } from "./exactness.ts";
import { Fleet } from "./fleet.ts";
import { percentile } from "./load.ts";
import { VersionWatch } from "./version-watch.ts";

/** `frozen`: SIGSTOP, connections stay open and silent. `killed`: SIGKILL, and nobody starts it again. */
export type Away = "frozen" | "killed";

export interface HubAwayTimes {
  /** Load before, for the latencies to compare with. */
  readonly beforeMs: number;
  readonly awayMs: number;
  readonly afterMs: number;
}

export interface HubAwayResult {
  readonly counted: Counted;
  /** Failed calls at the gateways that ran through. */
  readonly failed: number;
  readonly p99BeforeMs: number;
  readonly p99AwayMs: number;
  /** While the hub catches up with what waited for it. */
  readonly p99AfterMs: number;
  /** From the start of the restarted gateway to its first 200 while the hub was away. */
  readonly restartedServesMs: number;
}

/** Of issue row 9. */
export const fullTimes: HubAwayTimes = { beforeMs: 30_000, awayMs: 60_000, afterMs: 5_000 };
export const p99RatioMax = 1.5;

/** Of the restore, in full. */
export const fullPhaseMs = 10_000;

/** Calls a second to all three regions together. */
const perSecond = 300;
const connectionsPerRegion = 16;

const plans = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";
const restarted = "frankfurt";
const others = regionNames.filter((name) => name !== restarted);

/** Of the code on the path, before latencies are compared. */
const warmUpMs = 1_000;

/** Views are saved every 2 s, and a gateway's first save must be done before it can do without the hub. */
const firstSaveMs = 3_000;

export async function startFleet(): Promise<Fleet> {
  const fleet = await Fleet.start(plans);
  await sleep(firstSaveMs);
  return fleet;
}

export async function runHubAway(
  fleet: Fleet,
  away: Away,
  times: HubAwayTimes,
): Promise<HubAwayResult> {
  const keys = await freshKeys(fleet, 3);
  const revoked = await fleet.createKnownKey("huge");
  await revokeEverywhere(fleet, revoked);
  const ledger = loadOf(fleet, keys);
  ledger.start();
  try {
    await sleep(warmUpMs);
    const fromMs = performance.now();
    await sleep(times.beforeMs);
    const leftMs = performance.now();
    if (away === "frozen") fleet.signal("hub", "SIGSTOP");
    else await fleet.end("hub", "SIGKILL");

    await sleep(times.awayMs / 3);
    await fleet.end(restarted, "SIGKILL");
    const startMs = performance.now();
    const isUp = fleet.startGateway(restarted);
    const target = { region: restarted, url: fleet.url(restarted) };
    const serves = async (): Promise<boolean> => (await ledger.probe(target)) === 200;
    await until(serves, times.awayMs, `${restarted} to serve while the hub is away`);
    const restartedServesMs = performance.now() - startMs;
    await isUp;
    assert.equal(await fleet.call(restarted, revoked.key), 401, "a revoked key stays revoked");
    for (const key of keys.keys()) {
      // What it answered before and after its end is in its journal, whatever the view lacks.
      const min = ledger.ackedBy(restarted, key);
      const used = (await fleet.usage(restarted, key))?.limits[0]?.used ?? 0;
      assert.ok(used >= min, `${restarted} remembers ${used} of its own ${min} calls`);
    }
    await sleep(Math.max(0, leftMs + times.awayMs - performance.now()));
    const backMs = performance.now();
    if (away === "frozen") fleet.signal("hub", "SIGCONT");
    else await fleet.startHub();
    await sleep(times.afterMs);
    await ledger.stop();
    const endMs = performance.now();

    const counted = await assertExact(fleet, ledger, keys);
    return {
      counted,
      failed: others.reduce((sum, region) => sum + ledger.failures(region), 0),
      p99BeforeMs: percentile(ledger.latencies(others, fromMs, leftMs), 0.99),
      p99AwayMs: percentile(ledger.latencies(others, leftMs, backMs), 0.99),
      p99AfterMs: percentile(ledger.latencies(others, backMs, endMs), 0.99),
      restartedServesMs,
    };
  } finally {
    await ledger.stop();
  }
}

export interface RestoreResult {
  readonly counted: Counted;
  /** Units counted when the backup was made, about. */
  readonly ackedAtBackup: number;
  readonly failed: number;
}

/** `phaseMs`: load before the backup, between backup and loss, and after the restore. */
export async function runRestore(
  fleet: Fleet,
  end: "SIGTERM" | "SIGKILL",
  phaseMs: number,
): Promise<RestoreResult> {
  const keys = new Map(await freshKeys(fleet, 3));
  const revoked = await fleet.createKnownKey("huge");
  const ledger = loadOf(fleet, keys);
  const backup = join(fleet.folder, `backup-${end}.db`);
  const versions = new VersionWatch(fleet);
  ledger.start();
  versions.start();
  try {
    await sleep(phaseMs);
    const ackedAtBackup = ledger.acked;
    await succeeds(fleet.command("backup", backup));

    const late = await fleet.createKnownKey("huge");
    keys.set(late.key, late.id);
    ledger.addKey(late.key);
    await revokeEverywhere(fleet, revoked);
    await sleep(phaseMs);
    const epochBefore = versions.epoch;
    await fleet.end("hub", end);
    // Its batches are then sent by another incarnation than the one that charged them.
    await fleet.end(restarted, "SIGKILL");
    versions.forget(restarted);
    await fleet.startGateway(restarted);
    await succeeds(fleet.offline("restore", backup));
    await fleet.startHub();
    await sleep(phaseMs);
    await ledger.stop();

    const counted = await assertExact(fleet, ledger, keys);
    const isPast = (): boolean => versions.lowestEpoch > epochBefore;
    await until(isPast, 5_000, "everyone to be at a version that no one had before the restore");
    await versions.stop();
    await assertRegistry(fleet, { late, revoked });
    const hubFolder = join(fleet.data, "hub");
    const aside = readdirSync(hubFolder).filter((name) => name.startsWith("replaced-"));
    assert.ok(
      aside.some((name) => existsSync(join(hubFolder, name, "ledger.db"))),
      "the old ledger was moved aside",
    );
    const failed = others.reduce((sum, region) => sum + ledger.failures(region), 0);
    return { counted, ackedAtBackup, failed };
  } finally {
    await Promise.all([ledger.stop(), versions.stop()]);
  }
}

interface Key {
  readonly id: string;
  readonly key: string;
}

/** The late key was made, the other revoked after the backup: gateways gave both back. */
async function assertRegistry(fleet: Fleet, { late, revoked }: Record<"late" | "revoked", Key>) {
  const shown = async (key: Key) => (await fleet.api("GET", `/v1/keys/${key.id}`)).json;
  assert.equal(((await shown(late)) as { id: string }).id, late.id);
  assert.equal(((await shown(revoked)) as { revoked: boolean }).revoked, true);
  const fresh = await fleet.createKnownKey("huge");
  await fleet.end(restarted, "SIGTERM");
  await fleet.startGateway(restarted);
  for (const region of regionNames) {
    assert.equal(await fleet.call(region, late.key), 200, `${region}: made after the backup`);
    assert.equal(await fleet.call(region, revoked.key), 401, `${region}: revoked after it`);
    assert.equal(await fleet.call(region, fresh.key), 200, `${region}: made after the restore`);
  }
}

async function freshKeys(fleet: Fleet, count: number): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const { key, id } = await fleet.createKnownKey("huge");
    keys.set(key, id);
  }
  return keys;
}

async function revokeEverywhere(fleet: Fleet, { id, key }: Key): Promise<void> {
  await fleet.api("DELETE", `/v1/keys/${id}`);
  for (const region of regionNames) {
    const isRefused = async () => (await fleet.usage(region, key)) === undefined;
    await until(isRefused, 5_000, `${region} to refuse a revoked key`);
  }
}

function loadOf(fleet: Fleet, keys: ReadonlyMap<string, string>): CallLedger {
  return new CallLedger({
    targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
    keys: [...keys.keys()],
    perSecond,
    connections: connectionsPerRegion,
  });
}

async function succeeds(command: ReturnType<Fleet["command"]>): Promise<void> {
  const { code, stdout, stderr } = await command;
  assert.equal(code, 0, stdout + stderr);
}

/** One line for people. */
export function describeHubAway(result: HubAwayResult): string {
  const { p99BeforeMs, p99AwayMs, p99AfterMs, failed, restartedServesMs, counted } = result;
  const p99s = [p99BeforeMs, p99AwayMs, p99AfterMs].map((ms) => ms.toFixed(1)).join(" / ");
  return (
    `p99 ${p99s} ms before / without / after the hub, ${failed} failed, the restarted gateway ` +
    `served after ${Math.round(restartedServesMs)} ms; ${describeCounted(counted)}`
  );
}

export function describeRestore({ ackedAtBackup, failed, counted }: RestoreResult): string {
  return `${ackedAtBackup} answered at the backup, ${failed} failed; ${describeCounted(counted)}`;
}

function describeCounted({ total, acked, unknown, settledMs }: Counted): string {
  const settled = Math.round(settledMs);
  return `${total} counted, ${acked} answered, ${unknown} unknown, equal everywhere after ${settled} ms`;
}
