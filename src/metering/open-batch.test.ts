import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBatch } from "./batch-codec.ts";
import { ByteWriter } from "./bytes.ts";
import { writeCharge, writeDefine, writeRefund } from "./charge-record.ts";
import { OpenBatch, replayRecords } from "./open-batch.ts";
import type { RowDefinition } from "./usage.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const header = { producer: "p", incarnation: "i", seq: 1, region: "sydney", sealedAtMs: nowMs };

function definition(key: number): RowDefinition {
  const subject = `key:k_${key}`;
  return {
    ...{ hour: nowMs, route: "/", plan: "pro", owner: "acme", key: `k_${key}`, address: "" },
    referer: "",
    counters: [
      { window: "month/2026-11-01T00:00:00Z", subject, lo: key + 1, hi: 7 },
      { window: "day/2026-11-21T00:00:00Z", subject, lo: key + 1, hi: 7 },
      { window: "month/2026-11-01T00:00:00Z", subject: "owner:acme", lo: 99, hi: 9 },
    ],
  };
}

const calls = fc.array(
  fc.record({ key: fc.nat({ max: 5 }), units: fc.nat({ max: 100 }), refunded: fc.boolean() }),
  { minLength: 1, maxLength: 60 },
);

/** Charges calls, and writes the records that the journal gets, one group each. */
function charged(all: readonly { key: number; units: number; refunded: boolean }[]) {
  const open = new OpenBatch();
  const groups: Uint8Array[] = [];
  const rows = new Map<number, number>();
  for (const { key, units, refunded } of all) {
    const out = new ByteWriter();
    let row = rows.get(key);
    if (row === undefined) {
      row = open.define(definition(key));
      rows.set(key, row);
      writeDefine(out, definition(key));
    }
    open.charge(row, units, nowMs);
    writeCharge(out, row, units);
    if (refunded) {
      open.refund(row, units, nowMs);
      writeRefund(out, row, units);
    }
    groups.push(out.take());
  }
  return { open, groups };
}

test("what the journal's records replay to seals to the same bytes", () => {
  fc.assert(
    fc.property(calls, (all) => {
      const { open, groups } = charged(all);
      const replayed = replayRecords(groups, nowMs);
      assert.equal(replayed.intact, true);
      assert.deepEqual(replayed.batch.seal(header).bytes, open.seal(header).bytes);
    }),
  );
});

test("counters and rows of a batch hold the same units", () => {
  fc.assert(
    fc.property(calls, (all) => {
      const decoded = decodeBatch(charged(all).open.seal(header).bytes);
      assert.ok("batch" in decoded);
      const { counters, rows, windows } = decoded.batch;
      let owner = 0;
      for (let i = 0; i < counters.count; i++) {
        if (decoded.batch.subject(i) !== "owner:acme") continue;
        assert.equal(windows[counters.window[i] as number], "month/2026-11-01T00:00:00Z");
        owner += (counters.charged[i] as number) - (counters.refunded[i] as number);
      }
      const units = rows.reduce((sum, row) => sum + row.units - row.refundedUnits, 0);
      assert.equal(owner, units);
      assert.equal(
        units,
        all.reduce((sum, call) => sum + (call.refunded ? 0 : call.units), 0),
      );
    }),
  );
});

test("records that are cut off or name a row that is not there end the replay without an exception", () => {
  const { groups } = charged([
    { key: 1, units: 5, refunded: false },
    { key: 2, units: 6, refunded: true },
  ]);
  const all = Buffer.concat(groups);
  for (let length = 0; length < all.length; length++) {
    const { batch } = replayRecords([all.subarray(0, length)], nowMs);
    assert.ok(batch.units <= 5 + 6);
  }
  const wrong = new ByteWriter();
  writeCharge(wrong, 3, 1);
  const replayed = replayRecords([...groups, wrong.take()], nowMs);
  assert.deepEqual([replayed.intact, replayed.batch.units], [false, 5]);
});
