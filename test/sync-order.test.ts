/** T10: with durability `disk` no reply is written before the sync of the journal that covers its charge; with `os` many are, and the check says so. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { whyNotRecord } from "./support/crash-images/system-calls.ts";
import { Fleet } from "./support/fleet.ts";
import { namedCalls, type SyncOrder, watchOrder } from "./support/sync-order.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const calls = isLong ? 1_000 : 200;
const region = "sydney";

/** Of some more calls than one: replies that wait for one sync, and calls that come meanwhile. */
const connections = 4;

/** Undefined: strace cannot be had, or may not watch another process here. */
async function orderWith(
  durability: "os" | "disk",
  t: TestContext,
): Promise<SyncOrder | undefined> {
  const why = await whyNotRecord();
  if (why !== false) {
    t.skip(`the order of syncs and replies is NOT tested here: ${why}`);
    return undefined;
  }
  const { plans, routes, handler } = namedCalls;
  const fleet = await Fleet.start(plans, {
    config: { routes, top: `durability: ${durability}` },
    regions: [region],
    files: { "named.ts": handler },
  });
  try {
    const { key } = await fleet.createKnownKey("named");
    const gateway = { pid: fleet.pid(region), url: fleet.url(region), key };
    return await watchOrder(gateway, {
      ...{ calls, connections },
      trace: join(fleet.folder, "trace.log"),
    });
  } finally {
    await fleet.stop();
  }
}

test("durability disk: a reply is written after the sync that covers its charge", async (t) => {
  const order = await orderWith("disk", t);
  if (order === undefined) return;
  const { replies, syncs, early } = order;
  t.diagnostic(`figure: ${replies} replies, ${syncs} syncs, ${early.length} replies too early`);
  assert.deepEqual(early, []);
  assert.equal(replies, calls);
});

test("the check finds replies without a sync: durability os", async (t) => {
  const order = await orderWith("os", t);
  if (order === undefined) return;
  const { replies, early } = order;
  t.diagnostic(`${early.length} of ${replies} replies before a sync`);
  assert.equal(replies, calls);
  assert.ok(early.length > replies / 2, `${early.length} of ${replies} found`);
  assert.ok(
    early.every((line) => line.endsWith("before it was synced")),
    "all were written",
  );
});
