/**
 * The fold: decode, dedupe, add to totals and usage rows, note what changed. Prints counter updates a second at a number of
 * counters: applying records alone, and everything that the hub's thread does for them (updates to the gateways, taking what a
 * checkpoint saves) with checkpoints into a real ledger going on in the background.
 *
 *   node bench/fold.ts [--counters 10000000] [--seconds 10] [--ledger]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLedgerStore } from "../src/adapters/sqlite/ledger-store.ts";
import { fingerprintText, hashKeyFromHex } from "../src/base/hash.ts";
import { seededRandom } from "../src/base/random.ts";
import { HubState } from "../src/hub/hub-state.ts";
import { OpenBatch } from "../src/metering/open-batch.ts";
import type { LedgerStore } from "../src/ports/ledger-store.ts";

const { values } = parseArgs({
  options: {
    counters: { type: "string", default: "10000000" },
    seconds: { type: "string", default: "10" },
    ledger: { type: "boolean", default: false },
  },
});
const counters = Number(values.counters);
const seconds = Number(values.seconds);

/** Two counters a row: a month's and a day's, of one key. */
const windows = ["month/2026-11-01T00:00:00Z", "day/2026-11-21T00:00:00Z"];
const rowsPerBatch = 500;
const hour = Date.UTC(2026, 10, 21, 12);
const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");
const random = seededRandom(7);
const producer = "ab".repeat(16);
const incarnation = "cd".repeat(8);

function sealOne(seq: number, keyOf: (row: number) => number): Uint8Array {
  const open = new OpenBatch();
  for (let row = 0; row < rowsPerBatch; row++) {
    const key = `k_${keyOf(row).toString(36).padStart(22, "0")}`;
    const subject = `key:${key}`;
    const print = { lo: 0, hi: 0 };
    fingerprintText(hashKey, 1, subject, print);
    const at = open.define({
      ...{ hour, route: "/{ip}", plan: "pro", owner: "", key, address: "", referer: "" },
      counters: windows.map((window) => ({ window, subject, ...print })),
    });
    open.charge(at, 1, hour);
    open.charge(at, 1, hour);
  }
  return open.seal({ producer, incarnation, seq, region: "sydney", sealedAtMs: hour }).bytes;
}

/** The same batch under other seqs would be a repeat: each is sealed for itself, outside of the measured time. */
function sealMany(from: number, count: number, keyOf: (row: number) => number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => sealOne(from + i, keyOf));
}

const state = new HubState();
let seq = 0;
let updates = 0;
/** Of applying records: decoding, deduplication, totals, usage rows, notes of what changed. */
let applyMs = 0;
/** Of preparing updates for the gateways, and of taking what a checkpoint saves. */
let publishMs = 0;
let checkpointMs = 0;

/** Time of this thread on a processor: other load on the machine does not count, waiting for memory does. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function fold(batches: readonly Uint8Array[]): void {
  let at = cpuMs();
  for (const bytes of batches) {
    state.apply({ position: state.position + 1, bytes });
    // Once every 10 ms or so in the hub.
    if (state.position % 10 !== 0) continue;
    const applied = cpuMs();
    state.totals.takeFeedChanges();
    applyMs += applied - at;
    at = cpuMs();
    publishMs += at - applied;
  }
  applyMs += cpuMs() - at;
  updates += batches.length * rowsPerBatch * windows.length;
}

function report(what: string, ms: number): void {
  const rate = (value: number): string =>
    Math.round((updates / value) * 1_000).toLocaleString("en");
  const ns = (part: number): string => `${((part * 1e6) / updates).toFixed(0)} ns`;
  console.log(
    `${what}: ${rate(ms)} counter updates/s (each ${ns(applyMs)} to apply, ` +
      `${ns(publishMs)} to publish, ${ns(checkpointMs)} to take for a checkpoint)`,
  );
  updates = 0;
  applyMs = 0;
  publishMs = 0;
  checkpointMs = 0;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function fill(ledger: LedgerStore | undefined): Promise<void> {
  const keys = counters / windows.length;
  for (let next = 0; next < keys; ) {
    const batches = sealMany(seq + 1, 200, () => next++);
    seq += batches.length;
    fold(batches);
    state.totals.takeFeedChanges();
    const delta = state.takeDelta(1);
    await ledger?.checkpoint(delta);
  }
  report(`filling to ${state.totals.counters.toLocaleString("en")} counters`, applyMs);
}

/** Checkpoints one after another; the longest time that taking one stopped the fold for. */
async function run(ledger: LedgerStore | undefined): Promise<void> {
  const keys = counters / windows.length;
  let writing: Promise<void> | undefined;
  let takenMsMax = 0;
  let checkpoints = 0;
  let lastAt = performance.now();
  const until = performance.now() + seconds * 1_000;
  let wallUpdates = 0;
  let sealingMs = 0;
  const start = performance.now();
  while (performance.now() < until) {
    const before = performance.now();
    const batches = sealMany(seq + 1, 50, () => random.below(keys));
    sealingMs += performance.now() - before;
    seq += batches.length;
    fold(batches);
    wallUpdates += batches.length * rowsPerBatch * windows.length;
    if (writing === undefined && performance.now() - lastAt > 2_000) {
      const at = cpuMs();
      state.totals.takeFeedChanges();
      const delta = state.takeDelta(1);
      const tookMs = cpuMs() - at;
      takenMsMax = Math.max(takenMsMax, tookMs);
      checkpointMs += tookMs;
      lastAt = performance.now();
      if (ledger !== undefined) {
        checkpoints++;
        writing = ledger.checkpoint(delta).then(() => {
          writing = undefined;
        });
      }
    }
    await turn();
  }
  const measuredMs = performance.now() - start - sealingMs;
  console.log(
    `  ${checkpoints} checkpoints, the longest taken in ${takenMsMax.toFixed(0)} ms; all but sealing: ${Math.round((wallUpdates / measuredMs) * 1_000).toLocaleString("en")}/s`,
  );
  if (ledger === undefined) report("alone", applyMs);
  else report("with checkpoints in the background", applyMs + publishMs + checkpointMs);
  await writing;
}

const folder = mkdtempSync(join(tmpdir(), "tallygate-fold-"));
const ledger = values.ledger ? await openLedgerStore(join(folder, "ledger.db")) : undefined;
try {
  await fill(ledger);
  await run(undefined);
  if (ledger !== undefined) await run(ledger);
} finally {
  await ledger?.close();
  rmSync(folder, { recursive: true, force: true });
}
