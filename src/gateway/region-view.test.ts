import assert from "node:assert/strict";
import { test } from "node:test";
import { producerKey } from "../base/words.ts";
import type { FeedUpdate } from "../metering/feed-codec.ts";
import { type OwnBatch, OwnCharges } from "./own-charges.ts";
import { addOwn, endedWindowGraceMs, RegionView } from "./region-view.ts";

const window = "day/2026-11-21T00:00:00Z";
const noon = Date.UTC(2026, 10, 21, 12, 0, 0);
const me = "a".repeat(32);
const key = producerKey(me, "i1");

function fixture() {
  const view = new RegionView({ region: "sydney", producer: me }, new OwnCharges());
  view.restore({ version: { epoch: 5, position: 10 }, watermarks: [], asOfMs: 0 });
  return view;
}

function update(more: Partial<FeedUpdate> & { net?: number }): FeedUpdate {
  const { net = 100, ...rest } = more;
  return {
    epoch: 5,
    base: 10,
    position: 11,
    hubTimeMs: noon,
    horizonMs: 0,
    watermarks: [],
    marks: [],
    windows: [
      { id: window, lo: Uint32Array.of(1), hi: Uint32Array.of(2), net: Float64Array.of(net) },
    ],
    ...rest,
  };
}

function ownBatch(seq: number, units: number): OwnBatch {
  const counters = {
    count: 1,
    window: Uint32Array.of(0),
    lo: Uint32Array.of(1),
    hi: Uint32Array.of(2),
    charged: Float64Array.of(units),
    refunded: Float64Array.of(0),
  };
  return { seq, windows: [window], counters, units, firstChargeAtMs: noon };
}

const used = (view: RegionView): number => {
  const table = view.tables.get(window)?.table;
  return (table?.total(1, 2) ?? 0) + (table?.own(1, 2) ?? 0);
};

test("an own batch leaves own in the step in which the total brings it", () => {
  const view = fixture();
  view.own.add("i1", ownBatch(1, 30));
  view.own.add("i1", ownBatch(2, 5));
  addOwn(view.tables, ownBatch(1, 30), 1);
  addOwn(view.tables, ownBatch(2, 5), 1);
  assert.equal(used(view), 35);
  assert.equal(view.apply(update({ net: 130, watermarks: [[key, 1]] }), noon).kind, "applied");
  assert.equal(used(view), 135);
  const next = update({ base: 11, position: 12, net: 135, watermarks: [[key, 2]] });
  assert.equal(view.apply(next, noon).kind, "applied");
  assert.equal(used(view), 135);
});

const cases: readonly [string, Partial<FeedUpdate>, string][] = [
  ["the next version", { base: 10, position: 11 }, "applied"],
  ["a base below the view, a version above", { base: 8, position: 12 }, "applied"],
  ["the same version again", { base: 9, position: 10 }, "stale"],
  ["an older version", { base: 7, position: 9 }, "stale"],
  ["a base above the view", { base: 11, position: 12 }, "gap"],
  ["a lower epoch, whatever its position", { epoch: 4, base: 10, position: 99 }, "stale"],
  ["a higher epoch", { epoch: 6, base: 10, position: 11 }, "gap"],
];
for (const [name, more, expected] of cases) {
  test(`an update with ${name} is ${expected}`, () => {
    const view = fixture();
    assert.equal(view.apply(update(more), noon).kind, expected);
    assert.equal(used(view), expected === "applied" ? 100 : 0);
  });
}

test("an update that covers batches not in memory waits for the journal and changes nothing", () => {
  const view = new RegionView({ region: "sydney", producer: me }, new OwnCharges(0));
  view.restore({ version: { epoch: 5, position: 10 }, watermarks: [], asOfMs: 0 });
  view.own.add("i1", ownBatch(1, 30));
  addOwn(view.tables, ownBatch(1, 30), 1);
  const covering = update({ net: 130, watermarks: [[key, 1]] });
  const result = view.apply(covering, noon);
  assert.deepEqual(result, { kind: "missing", range: { incarnation: "i1", from: 1, to: 1 } });
  assert.equal(used(view), 30);
  view.own.supply("i1", ownBatch(1, 30));
  assert.equal(view.apply(covering, noon).kind, "applied");
  assert.equal(used(view), 130);
});

test("windows of other regions and windows long over are not taken", () => {
  const view = fixture();
  const column = { lo: Uint32Array.of(1), hi: Uint32Array.of(2), net: Float64Array.of(1) };
  const over = new Date(noon - endedWindowGraceMs - 2_000).toISOString().slice(0, 19);
  const windows = [
    { id: "second/2026-11-21T12:00:00Z/seoul", ...column },
    { id: "second/2026-11-21T12:00:00Z/sydney", ...column },
    { id: `second/${over}Z/sydney`, ...column },
    { id: "no window", ...column },
  ];
  view.apply(update({ windows }), noon);
  const ids: string[] = [];
  view.tables.forEach((live) => void ids.push(live.id));
  assert.deepEqual(ids, ["second/2026-11-21T12:00:00Z/sydney"]);
});

test("a horizon ahead of this node's time takes no window that goes on", () => {
  const view = fixture();
  view.apply(update({ net: 7 }), noon);
  view.apply(update({ base: 11, position: 12, net: 8, horizonMs: noon + 86_400_000 }), noon);
  assert.equal(used(view), 8);
});

test("before the hub's time is known no window is dropped, with own charges in it, as ended", () => {
  const view = fixture();
  view.own.add("i1", ownBatch(1, 30));
  addOwn(view.tables, ownBatch(1, 30), 1);
  assert.equal(view.apply(update({ horizonMs: noon + 86_400_000 }), 0).kind, "applied");
  assert.equal(used(view), 130);
  const covering = update({ base: 11, position: 12, net: 130, watermarks: [[key, 1]] });
  assert.equal(view.apply(covering, noon).kind, "applied");
  assert.equal(view.tables.get(window)?.table.own(1, 2), 0);
  assert.equal(used(view), 130);
});

test("changes for saving hold each counter once with its newest total", () => {
  const view = fixture();
  view.apply(update({ net: 100 }), noon);
  view.apply(update({ base: 11, position: 12, net: 150 }), noon);
  const { windows, replace } = view.takeChanges();
  assert.equal(replace, false);
  assert.deepEqual(
    windows.map((w) => [w.window, [...w.total]]),
    [[window, [150]]],
  );
  assert.deepEqual(view.takeChanges().windows, []);
});

test("a snapshot that is older is not installed; one of the same version mends what is missing", () => {
  const view = fixture();
  const { tables, own } = view;
  const snapshot = { tables, own, watermarks: new Map(), asOfMs: 0 };
  assert.equal(view.install({ ...snapshot, version: { epoch: 5, position: 9 } }), false);
  assert.equal(view.install({ ...snapshot, version: { epoch: 4, position: 99 } }), false);
  assert.equal(view.install({ ...snapshot, version: { epoch: 5, position: 10 } }), true);
  assert.equal(view.install({ ...snapshot, version: { epoch: 6, position: 1 } }), true);
});
