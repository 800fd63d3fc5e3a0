/**
 * Issue row 10: the lag from a call's admission to every other region's view, batches every 50 ms, on loopback, as the
 * regions' own histograms and the hub's status say; in the long form also with ten million rows in the ledger while it
 * is written.
 */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import { fillLedger, type LedgerSize } from "./support/ledger-fill.ts";
import { startPaced } from "./support/load.ts";
import { histogram, quantile, readMetrics, type Samples } from "./support/metrics.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const warmUpMs = 1_500;
const measuredMs = isLong ? 40_000 : 8_000;
const perSecond = isLong ? 300 : 150;
const keysCalling = 30;
const lagSecondsMax = 0.15;
const millions: LedgerSize = { usageRows: 9_000_000, totals: 1_000_000 };

function readAll(cluster: Cluster): Promise<Samples[]> {
  return Promise.all(
    regionNames.map((name) => readMetrics(`${cluster.region(name).operations}/metrics`)),
  );
}

/** Calls of many keys in every region at a steady rate; returns how to stop them. */
async function startLoads(cluster: Cluster): Promise<() => Promise<void>> {
  const keys = await Promise.all(
    Array.from({ length: keysCalling }, () => cluster.createKnownKey("pro")),
  );
  const loads = keys.map(({ key }, i) =>
    startPaced({
      url: () => cluster.region(regionNames[i % regionNames.length] as string).url,
      headers: { "x-api-key": key },
      perSecond: (perSecond * regionNames.length) / keys.length,
      connections: 1,
    }),
  );
  return async () => {
    await Promise.all(loads.map((load) => load.stop()));
    const failed = loads.reduce((sum, { statuses }) => {
      return (
        sum + [...statuses].reduce((n, [status, count]) => n + (status === 200 ? 0 : count), 0)
      );
    }, 0);
    assert.equal(failed, 0, "all calls are answered 200");
  };
}

async function statusLags(cluster: Cluster): Promise<string> {
  const { json } = await cluster.api("GET", "/v1/status");
  const { regions } = json as { regions: { name: string; processes: { lagP99Ms: number }[] }[] };
  return regions.map(({ name, processes }) => `${name} ${processes[0]?.lagP99Ms} ms`).join(", ");
}

async function checkpoints(cluster: Cluster): Promise<number> {
  const { token, hub } = cluster.state;
  const samples = await readMetrics(`${hub.url}/metrics`, { authorization: `Bearer ${token}` });
  return samples.get("tallygate_hub_checkpoint_seconds_count") ?? 0;
}

async function measureLag(
  cluster: Cluster,
  t: { diagnostic(message: string): void },
): Promise<void> {
  const stop = await startLoads(cluster);
  await sleep(warmUpMs);
  const before = await readAll(cluster);
  const savedBefore = await checkpoints(cluster);
  await sleep(measuredMs);
  const after = await readAll(cluster);
  const saved = (await checkpoints(cluster)) - savedBefore;
  const inStatus = await statusLags(cluster);
  await stop();
  const lags = regionNames.map((_, i) =>
    histogram("tallygate_view_lag_seconds", after[i] as Samples, before[i]),
  );
  const ms = (seconds: number): string => `${Math.round(seconds * 1_000)} ms`;
  const worst = Math.max(...lags.map((lag) => quantile(lag, 0.99)));
  for (const [i, lag] of lags.entries()) {
    t.diagnostic(
      `${regionNames[i]}: p50 ${ms(quantile(lag, 0.5))}, p99 ${ms(quantile(lag, 0.99))} of ${lag.count} batches`,
    );
  }
  t.diagnostic(`status says p99 ${inStatus}; ${saved} checkpoints meanwhile`);
  t.diagnostic(`figure: p99 ${ms(worst)}`);
  assert.ok(saved > 0, "the ledger was written meanwhile");
  for (const [i, lag] of lags.entries()) {
    assert.ok(lag.count >= measuredMs / 100, `${regionNames[i]} saw batches of the others`);
    const within = lag.buckets.find(([bound]) => bound === lagSecondsMax)?.[1] ?? 0;
    assert.ok(within >= 0.99 * lag.count, `${regionNames[i]}: p99 ${ms(quantile(lag, 0.99))}`);
  }
}

/**
 * Eight seconds in which the machine has others to serve say nothing of a lag: the everyday form measures anew, twice at most. The
 * long form takes what comes.
 */
async function measureInCalm(
  cluster: Cluster,
  t: { diagnostic(message: string): void },
): Promise<void> {
  for (let left = isLong ? 0 : 2; ; left--) {
    try {
      return await measureLag(cluster, t);
    } catch (error) {
      if (left === 0) throw error;
      t.diagnostic(`again, after ${String(error)}`);
    }
  }
}

suite("lag from admission to every other region's view, p99 ≤ 150 ms", () => {
  test("with an empty ledger", async (t) => {
    const cluster = await Cluster.start({ config: threeRegions(), files: handlers });
    try {
      await measureInCalm(cluster, t);
    } finally {
      await cluster.stop();
    }
  });

  test("with ten million rows in the ledger", { skip: !isLong && "long form only" }, async (t) => {
    const cluster = await Cluster.start({
      config: threeRegions(),
      files: handlers,
      prepare: (data) => fillLedger(data, millions),
      startMsMax: 120_000,
    });
    try {
      await measureLag(cluster, t);
    } finally {
      await cluster.stop();
    }
  });
});
