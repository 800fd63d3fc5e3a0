import assert from "node:assert/strict";
import { test } from "node:test";
import { WindowTables } from "../limits/window-tables.ts";
import { decodeBatch } from "../metering/batch-codec.ts";
import { replayRecords } from "../metering/open-batch.ts";
import { Meter } from "./meter.ts";
import { OwnCharges } from "./own-charges.ts";
import type { ChargedCall } from "./row-finder.ts";
import { MemoryJournal } from "./testing/memory-journal.ts";

const day = "day/2026-11-21T00:00:00Z";
const nextDay = "day/2026-11-22T00:00:00Z";
const noon = Date.UTC(2026, 10, 21, 12, 0, 0);

interface CallOptions {
  readonly key?: string;
  readonly slot?: number;
  readonly cost?: number;
  readonly window?: string;
  readonly nowMs?: number;
  readonly referer?: string;
}

function call(options: CallOptions = {}): ChargedCall {
  const { key = "k_1", slot = 1, cost = 1, window = day, nowMs = noon, referer = "" } = options;
  return {
    route: { index: 0, path: "/{ip}" },
    plan: { index: 0, name: "pro" },
    caller: {
      keySlot: slot,
      address: [0, 0, 0xffff, 0x01020304],
      referer,
      keyId: () => key,
      owner: () => "acme",
      addressText: () => "1.2.3.4",
      subjectText: () => `key:${key}`,
      overflowText: () => "overflow:key",
    },
    counters: {
      ...{ count: 1, lo: [slot + 1], hi: [7], dimension: [0], windowIds: [window] },
      shared: 0,
    },
    cost,
    nowMs,
  };
}

function fixture() {
  const journal = new MemoryJournal();
  const own = new OwnCharges();
  const tables = new WindowTables("sydney");
  const sealed: number[] = [];
  const meter = new Meter({
    journal,
    region: "sydney",
    tables: () => tables,
    own: () => own,
    listener: { sealed: (seq) => void sealed.push(seq), failed: assert.fail },
  });
  return { journal, own, tables, meter, sealed };
}

function sealedRows(journal: MemoryJournal, seq: number) {
  const decoded = decodeBatch(journal.batches.get(journal.incarnation)?.get(seq) as Uint8Array);
  assert.ok("batch" in decoded);
  return decoded.batch;
}

test("a row is written once per batch, each further call a few bytes", () => {
  const { journal, meter } = fixture();
  assert.equal(meter.charge(call()), 1);
  assert.equal(meter.charge(call({ cost: 5 })), 2);
  assert.ok((journal.records[0] as Uint8Array).length > 40);
  assert.equal((journal.records[1] as Uint8Array).length, 3);
});

test("a sealed batch holds the calls by row and the units by counter", async () => {
  const { journal, meter, sealed } = fixture();
  for (let i = 0; i < 10; i++) meter.charge(call({ cost: 2 }));
  meter.charge(call({ key: "k_2", slot: 2, cost: 7 }));
  await meter.flush(noon + 50);
  assert.deepEqual(sealed, [1]);
  const batch = sealedRows(journal, 1);
  assert.deepEqual(
    batch.rows.map(({ key, calls, units }) => [key, calls, units]),
    [
      ["k_1", 10, 20],
      ["k_2", 1, 7],
    ],
  );
  assert.deepEqual([0, 1].map(batch.subject), ["key:k_1", "key:k_2"]);
  assert.deepEqual([...batch.counters.charged], [20, 7]);
  assert.equal(batch.firstChargeAtMs, noon);
});

test("another window, hour or referer is another row", async () => {
  const { journal, meter } = fixture();
  meter.charge(call());
  meter.charge(call({ window: nextDay }));
  meter.charge(call({ nowMs: noon + 3_600_000 }));
  meter.charge(call({ referer: "example.com" }));
  meter.charge(call());
  await meter.flush(noon);
  const batch = sealedRows(journal, 1);
  assert.deepEqual(
    batch.rows.map((row) => row.calls),
    [2, 1, 1, 1],
  );
  assert.deepEqual(batch.windows, [day, nextDay]);
});

test("many rows are found again", async () => {
  const { journal, meter } = fixture();
  for (let round = 0; round < 3; round++) {
    for (let slot = 0; slot < 500; slot++) meter.charge(call({ key: `k_${slot}`, slot }));
  }
  await meter.flush(noon);
  const { rows } = sealedRows(journal, 1);
  assert.equal(rows.length, 500);
  assert.ok(rows.every((row) => row.calls === 3));
});

test("a refund is a second number under the row of its charge, also batches later", async () => {
  const { journal, meter, tables } = fixture();
  const live = tables.getOrCreate(day);
  live?.table.addOwn(2, 7, 3);
  meter.charge(call({ cost: 3 }));
  const row = meter.lastRow;
  await meter.flush(noon);
  assert.equal(meter.refund(row, 3, noon + 100), true);
  assert.equal(live?.table.own(2, 7), 0);
  meter.charge(call({ cost: 3 }));
  await meter.flush(noon + 100);
  const batch = sealedRows(journal, 2);
  assert.deepEqual(
    batch.rows.map((r) => [r.key, r.calls, r.units, r.refundedCalls, r.refundedUnits]),
    [
      ["k_1", 0, 0, 1, 3],
      ["k_1", 1, 3, 0, 0],
    ],
  );
  assert.deepEqual([...batch.counters.charged], [3]);
  assert.deepEqual([...batch.counters.refunded], [3]);
});

test("what the journal holds open is replayed into the very batch that would have been sealed", () => {
  const { journal, meter } = fixture();
  for (let i = 0; i < 50; i++) meter.charge(call({ key: `k_${i % 7}`, slot: i % 7, cost: i }));
  meter.refund(meter.lastRow, 9, noon);
  const { batch, intact } = replayRecords(journal.records, noon);
  assert.equal(intact, true);
  const header = {
    producer: journal.identity.producer,
    incarnation: journal.incarnation,
    seq: 1,
    region: "sydney",
    sealedAtMs: noon + 50,
  };
  const replayed = batch.seal(header);
  void meter.flush(noon + 50);
  const sealed = journal.batches.get(journal.incarnation)?.get(1) as Uint8Array;
  assert.deepEqual(replayed.bytes, sealed);
});

test("units are given back while the journal is full or failing, and no new ones are charged", () => {
  const { journal, meter } = fixture();
  meter.charge(call({ cost: 5 }));
  for (const state of ["full", "failing"] as const) {
    journal.become(state);
    assert.equal(meter.accepts(), false);
    assert.equal(meter.refund(meter.lastRow, 2, noon), true);
  }
  assert.equal(meter.chargedUnits, 1);
});

test("a journal without room leaves nothing behind", async () => {
  const { journal, meter, sealed } = fixture();
  journal.isRingFull = true;
  assert.equal(meter.accepts(), false);
  assert.equal(meter.charge(call()), 0);
  await meter.flush(noon);
  assert.deepEqual(sealed, []);
  journal.isRingFull = false;
  assert.equal(meter.charge(call()), 1);
  assert.ok((journal.records[0] as Uint8Array).length > 40, "the row is defined anew");
});

test("an empty batch is not sealed, one with observations alone is", async () => {
  const { meter, sealed } = fixture();
  await meter.flush(noon);
  assert.deepEqual(sealed, []);
  const seen = { route: "/", plan: "pro", outcome: "limited:day", calls: 1, bytes: 9, timeMs: 1 };
  meter.observe({ ...seen, nowMs: noon });
  await meter.flush(noon);
  assert.deepEqual(sealed, [1]);
});

test("carry-over adds what is not in the journal yet, once", async () => {
  const { journal, meter } = fixture();
  meter.charge(call({ cost: 5 }));
  const flushed = meter.flush(noon);
  meter.charge(call({ cost: 2 }));
  const tables = new WindowTables("sydney");
  const own = new OwnCharges();
  // As if the seal were not on disk yet: the journal lists nothing.
  meter.carryOver(tables, own);
  assert.equal(tables.get(day)?.table.own(2, 7), 7);
  assert.equal(own.last(journal.incarnation), 1);
  await flushed;
  const later = new WindowTables("sydney");
  const laterOwn = new OwnCharges();
  laterOwn.begin(journal.incarnation, 1);
  meter.carryOver(later, laterOwn);
  assert.equal(later.get(day)?.table.own(2, 7), 2);
});

test("a place in the configuration that means another route or plan since a reload is another row", async () => {
  const { journal, meter } = fixture();
  meter.charge(call());
  meter.charge({ ...call(), route: { index: 0, path: "/new" } });
  meter.charge({ ...call(), plan: { index: 0, name: "free" } });
  // The old meaning again, from another place.
  meter.charge({ ...call(), plan: { index: 3, name: "pro" } });
  await meter.flush(noon);
  const rows = sealedRows(journal, 1).rows.map(({ route, plan, calls }) => [route, plan, calls]);
  assert.deepEqual(rows, [
    ["/{ip}", "pro", 2],
    ["/new", "pro", 1],
    ["/{ip}", "free", 1],
  ]);
});
