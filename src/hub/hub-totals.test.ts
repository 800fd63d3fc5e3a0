import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeExpire, encodeLost } from "../metering/stream-record.ts";
import type { UsageQuery } from "../ports/ledger-store.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import { HubState } from "./hub-state.ts";
import { fingerprintOf, sealCharges } from "./testing/fake-gateway.ts";
import { MemoryLedger } from "./testing/memory-ledger.ts";

const month = "month/2026-11-01T00:00:00Z";
const minute = "minute/2026-11-21T11:30:00Z";
const header = { producer: "a".repeat(32), incarnation: "1".repeat(16), region: "sydney" };
const key = "key:k_1";

function fold(state: HubState, records: readonly Uint8Array[]): void {
  for (const bytes of records) {
    const record: StreamRecord = { position: state.position + 1, bytes };
    state.apply(record);
  }
}

function sums(state: HubState, window: string, subject: string): readonly [number, number] {
  const { lo, hi } = fingerprintOf(subject);
  const live = state.totals.windows.get(window);
  return [live?.charged(lo, hi) ?? 0, live?.refunded(lo, hi) ?? 0];
}

function batch(seq: number, units: number, refunded = 0, window = month): Uint8Array {
  return sealCharges({ ...header, seq }, [{ subject: key, window, units, refunded }]);
}

test("every batch counts once, whatever the stream repeats, reorders and cuts by restarts", async () => {
  const scenario = fc.record({
    units: fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 30 }),
    order: fc.infiniteStream(fc.nat()),
    repeats: fc.nat({ max: 40 }),
    restarts: fc.array(fc.nat({ max: 70 }), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ units, order, repeats, restarts }) => {
      const batches = units.map((u, i) => batch(i + 1, u));
      const sent = [...batches];
      for (let i = 0; i < repeats; i++) {
        sent.push(batches[(order.next().value as number) % batches.length] as Uint8Array);
      }
      // A random order of all, each at least once.
      for (let i = sent.length - 1; i > 0; i--) {
        const j = (order.next().value as number) % (i + 1);
        [sent[i], sent[j]] = [sent[j] as Uint8Array, sent[i] as Uint8Array];
      }
      let state = new HubState();
      const ledger = new MemoryLedger();
      for (const [i, bytes] of sent.entries()) {
        fold(state, [bytes]);
        if (!restarts.includes(i)) continue;
        state.totals.takeFeedChanges();
        await ledger.checkpoint(state.takeDelta(1));
        state = new HubState();
        await state.load(ledger);
      }
      const total = units.reduce((sum, u) => sum + u, 0);
      assert.deepEqual(sums(state, month, key), [total, 0]);
      assert.deepEqual(state.fold.gaps(), []);
      state.totals.takeFeedChanges();
      await ledger.checkpoint(state.takeDelta(1));
      const row = (await ledger.usage(allRows))[0];
      assert.equal(row?.units, total, "the rows say the same");
    }),
    { numRuns: 60 },
  );
});

const allRows: UsageQuery = {
  by: "key",
  window: "total",
  fromMs: 0,
  toMs: Date.UTC(9999, 0),
  top: 0,
  limit: 10,
  offset: 0,
  where: {},
};

test("a lost range is skipped, and what turns up of it after all counts once", () => {
  const state = new HubState();
  fold(state, [batch(1, 1), batch(4, 8)]);
  assert.deepEqual(sums(state, month, key), [1, 0]);
  const lost = encodeLost({ ...header, from: 2, to: 3 });
  fold(state, [lost, lost]);
  assert.deepEqual(sums(state, month, key), [9, 0]);
  fold(state, [batch(3, 4), batch(3, 4), batch(5, 16)]);
  assert.deepEqual(sums(state, month, key), [29, 0]);
});

test("a refund whose charge was lost leaves no negative total, and is set against the charge if it turns up", () => {
  const state = new HubState();
  fold(state, [encodeLost({ ...header, from: 1, to: 1 }), batch(2, 0, 5)]);
  assert.deepEqual(sums(state, month, key), [0, 5]);
  assert.equal(state.totals.windows.get(month)?.table.total(...pair(key)), 0);
  fold(state, [batch(3, 2)]);
  assert.equal(state.totals.windows.get(month)?.table.total(...pair(key)), 0);
  fold(state, [batch(1, 10)]);
  assert.deepEqual(sums(state, month, key), [12, 5]);
  assert.equal(state.totals.windows.get(month)?.table.total(...pair(key)), 7);
});

function pair(subject: string): [number, number] {
  const { lo, hi } = fingerprintOf(subject);
  return [lo, hi];
}

test("what comes for a window that is gone goes to the rows alone", async () => {
  const state = new HubState();
  fold(state, [batch(1, 5, 0, minute), encodeExpire(Date.UTC(2026, 10, 21, 11, 31))]);
  assert.equal(state.totals.windows.has(minute), false);
  fold(state, [batch(2, 7, 0, minute)]);
  assert.equal(state.totals.windows.has(minute), false);
  state.totals.takeFeedChanges();
  const { rows, dropped, totals } = state.totals.takeLedgerChanges();
  assert.equal(rows[0]?.units, 12);
  assert.deepEqual(dropped, [minute]);
  assert.deepEqual(totals, []);
});

test("an update names each counter that changed once, with its net total", () => {
  const state = new HubState();
  fold(state, [batch(1, 5, 2), batch(2, 1)]);
  const { windows, producers, marks } = state.totals.takeFeedChanges();
  assert.deepEqual([...(windows[0]?.net ?? [])], [4]);
  assert.deepEqual(producers, [`${header.producer}/${header.incarnation}`]);
  assert.equal(marks.length, 1);
  assert.deepEqual(state.totals.takeFeedChanges().windows, []);
});

test("totals that made-up batches would push beyond 2^53 stop there", () => {
  const state = new HubState();
  fold(state, [batch(1, Number.MAX_SAFE_INTEGER), batch(2, 5, 1), batch(3, 9)]);
  assert.ok((state.totals.windows.get(month)?.table.total(...pair(key)) ?? 0) <= 2 ** 53 - 1);
});
