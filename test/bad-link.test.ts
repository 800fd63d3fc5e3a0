/**
 * Links between gateways and hub that break in the middle of a message, or flip bits that TCP's checksum let pass: what is
 * damaged is noticed and sent again; no count, window or key changes by it.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./support/call-ledger.ts";
import { regionNames } from "./support/configs.ts";
import { assertExact } from "./support/exactness.ts";
import { FarFleet } from "./support/far-fleet.ts";
import type { FaultProxy } from "./support/fault-proxy.ts";
import { WindowWatch } from "./support/window-watch.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const faults = isLong ? 1_000 : 20;
/** Longer than a gateway takes to connect anew, most of the time. */
const betweenMs = isLong ? 150 : 75;
/** Falls into heads of messages as well as into batches and updates. */
const bytesMax = 3_000;
const sliceMs = 2_000;
const dayMs = 86_400_000;

const plans = `open:
    limits:
      - { name: month, per: key, quota: 1000000000, window: month }
      - { name: day, per: key, quota: 1000000000, window: day }
      - { name: slice, per: key, quota: 1000000000, window: ${sliceMs / 1_000}s, scope: global }`;

let far: FarFleet;

before(async () => {
  far = await FarFleet.start(plans);
});

after(() => far?.stop());

const kinds: Readonly<Record<string, (link: FaultProxy, bytes: number) => void>> = {
  "flipped bits": (link, bytes) => {
    link.corruptAfter("up", bytes);
    link.corruptAfter("down", bytes);
  },
  "connections cut after some bytes": (link, bytes) => {
    link.cutAfter(bytes % 2 === 0 ? "up" : "down", bytes);
  },
};

for (const [kind, inflict] of Object.entries(kinds)) {
  test(`${faults} times ${kind}: counts and windows stay right, and no call fails`, async (t) => {
    const { fleet, links } = far;
    const { key, id } = await fleet.createKnownKey("open");
    const ledger = new CallLedger({
      targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
      ...{ keys: [key], perSecond: 300, connections: 8 },
    });
    const watch = new WindowWatch(fleet, key, { day: dayMs, slice: sliceMs });
    const before = faultsOf(links);
    ledger.start();
    watch.start();
    for (let i = 0; i < faults; i++) {
      inflict(links[i % links.length] as FaultProxy, Math.floor(Math.random() * bytesMax));
      await sleep(betweenMs);
    }
    await Promise.all([ledger.stop(), watch.stop()]);
    for (const link of links) link.heal();
    const felt = faultsOf(links) - before;
    const connections = links.reduce((sum, { counts }) => sum + counts.connections, 0);
    const counted = await assertExact(fleet, ledger, new Map([[key, id]]));
    t.diagnostic(
      `figure: ${kind}: ${felt} felt, ${connections} connections, ${counted.total} calls counted of ` +
        `${counted.acked} answered, equal everywhere after ${Math.round(counted.settledMs)} ms`,
    );
    assert.deepEqual(watch.oddities, []);
    const failed = regionNames.reduce((sum, region) => sum + ledger.failures(region), 0);
    assert.equal(failed, 0);
    assert.ok(felt >= faults / 2, "most of them happened");
  });
}

function faultsOf(links: readonly FaultProxy[]): number {
  return links.reduce((sum, { counts }) => sum + counts.corruptedBytes + counts.cut, 0);
}
