/**
 * T4: gateways, hub and upstreams stopped in their tracks (SIGSTOP) and let go on: soft limits stay within their computed
 * bounds, a `staleness` guard counts the time that a process was stopped, no connection is left behind, totals are exact.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./support/call-ledger.ts";
import { freeBasePort, until } from "./support/cluster.ts";
import { regionNames } from "./support/configs.ts";
import type { Cut, CutKind } from "./support/cut.ts";
import { CutRun, type CutSetting, describeCut } from "./support/cut-run.ts";
import { assertAgreed } from "./support/exactness.ts";
import { closeWaits } from "./support/sockets.ts";
import { UpstreamProcess } from "./support/upstream-process.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

const everyday: CutSetting = {
  cuts: [
    { kind: "stopped", regions: ["sydney"], cutMs: 100 },
    { kind: "stopped", regions: ["seoul", "frankfurt"], cutMs: 1_100 },
    { kind: "stopped-with-hub", regions: ["sydney"], cutMs: 1_500 },
  ],
  limits: ["soft", "guarded", "strict"],
  perSecond: 300,
  stalenessMs: 700,
};

/** T4 in full: sixty stops of 0.1 to 120 s, of one to three gateways, of the hub, and of both. */
function fullSetting(): CutSetting {
  const kinds: CutKind[] = ["stopped", "hub-stopped", "stopped-with-hub"];
  const cuts: Cut[] = [];
  for (let i = 0; i < 60; i++) {
    const kind = kinds[i % kinds.length] as CutKind;
    const regions = [0, 1, 2]
      .slice(0, 1 + (Math.floor(i / kinds.length) % 3))
      .map((k) => regionNames[(i + k) % regionNames.length] as string);
    // Evenly on a logarithmic scale, in mixed order.
    cuts.push({ kind, regions, cutMs: Math.round(100 * 1_200 ** (((i * 17) % 60) / 59)) });
  }
  return { ...everyday, cuts, stalenessMs: 2_000 };
}

const setting = isLong ? fullSetting() : everyday;
const upstreamStopsMs = isLong ? [100, 2_000, 30_000, 120_000] : [1_200];
/** Shorter than the stops of the upstream: what waits for it is answered 504 and given back. */
const responseTimeoutMs = 700;
/** T4. */
const leftBehindMsMax = 60_000;

let run: CutRun;
let upstream: UpstreamProcess;
let highestOvershoot = 0;

before(async () => {
  const port = await freeBasePort();
  upstream = await UpstreamProcess.start(port);
  run = await CutRun.start(setting, {
    top: `upstreams:
  slow:
    targets: ["http://127.0.0.1:${port}"]
    responseTimeout: ${responseTimeoutMs}ms`,
    routes: `- { path: "/", handler: ./hello.mjs }
  - { path: /slow, upstream: slow, refundOn: [not-attempted, 5xx] }`,
  });
});

after(async () => {
  await run?.stop();
  await upstream?.stop();
});

for (const [index, { kind, regions, cutMs }] of setting.cuts.entries()) {
  const name = `${kind} ${regions.join(", ")} for ${cutMs} ms`;
  test(`${name}: overshoot within its bound, then equal and exact totals within 3 s`, async (t) => {
    const measured = await run.run(index);
    t.diagnostic(describeCut(measured));
    const shares = measured.limits.map(({ overshoot, boundUnits }) => overshoot / boundUnits);
    highestOvershoot = Math.max(highestOvershoot, ...shares.filter(Number.isFinite));
  });
}

for (const stopMs of upstreamStopsMs) {
  test(`an upstream stopped for ${stopMs} ms: its calls are 504 and given back, all others are answered`, async (t) => {
    const { fleet } = run.far;
    const { key, id } = await fleet.createKnownKey("huge");
    const keys = new Map([[key, id]]);
    const load = {
      targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
      keys: [key],
      connections: 8,
    };
    const slow = new CallLedger({ ...load, path: "/slow", perSecond: 60 });
    const others = new CallLedger({ ...load, perSecond: 60, books: slow.books });
    for (const ledger of [slow, others]) ledger.start();
    await sleep(300);
    upstream.signal("SIGSTOP");
    await sleep(stopMs);
    upstream.signal("SIGCONT");
    // Calls that it has let wait, or whose connections its full queue has refused, may take all their time yet.
    await sleep(responseTimeoutMs + 300);
    await Promise.all([slow.stop(), others.stop()]);
    const { totals } = await assertAgreed(fleet, slow, { keys, withinMs: 3_000 });
    const timedOut = [...slow.others].reduce((sum, [, count]) => sum + count, 0);
    t.diagnostic(`${totals.get(key)} counted, ${timedOut} calls of the stopped upstream failed`);
    assert.equal(others.others.size + others.broken.size, 0, "other routes do not notice");
    assert.ok([...slow.others.keys()].every((what) => what.endsWith(" 504")));
    assert.equal(slow.broken.size, 0);
    if (stopMs > responseTimeoutMs) assert.ok(timedOut > 0, "the stop could be felt");
    const last = slow.answered.at(-1);
    assert.equal(last?.status, 200, "and then it goes on");
  });
}

test("no connection is left behind, and every stored figure agrees", async (t) => {
  const { fleet, links } = run.far;
  const isOne = (): boolean => links.every(({ openConnections }) => openConnections === 1);
  await until(isOne, leftBehindMsMax, "one connection to the hub from each gateway");
  for (const name of ["hub", ...regionNames]) {
    const none = (): boolean => (closeWaits(fleet.pid(name)) ?? 0) === 0;
    await until(none, leftBehindMsMax, `${name} to close what its peers closed`);
  }
  const verify = await fleet.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  const share = Math.round(100 * highestOvershoot);
  t.diagnostic(`figure: ${setting.cuts.length} stops, overshoot at most ${share} % of its bound`);
});
