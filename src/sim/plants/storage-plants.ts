/** Bugs of storage and of what relies on it. */

import { crc32 } from "../../base/hash.ts";
import type { LedgerDelta } from "../../ports/ledger-store.ts";
import { SimHub } from "../hub.ts";
import { SimLedger } from "../storage/hub-stores.ts";
import { SimJournal } from "../storage/journal.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const storagePlants: readonly Plant[] = [
  {
    name: "reply-before-stored",
    invariant: "I9",
    plant: (world) => {
      const listeners = new WeakMap<SimJournal, (position: number) => void>();
      const undoListener = replaceMethod(
        SimJournal.prototype,
        "onStored",
        (onStored) =>
          function (this: SimJournal, listener) {
            listeners.set(this, listener);
            onStored.call(this, listener);
          },
      );
      const undoAppend = replaceMethod(
        SimJournal.prototype,
        "append",
        (append) =>
          function (this: SimJournal, bytes, length) {
            const position = append.call(this, bytes, length);
            world.schedule(0, undefined, () => listeners.get(this)?.(position));
            return position;
          },
      );
      return () => {
        undoListener();
        undoAppend();
      };
    },
  },
  {
    name: "batch-sealed-anew",
    invariant: "I4",
    plant: (world) =>
      replaceMethod(
        SimJournal.prototype,
        "read",
        (read) =>
          async function (this: SimJournal, incarnation, options) {
            const found = await read.call(this, incarnation, options);
            for (const { bytes } of found.batches) {
              if (!world.chance(0.5)) continue;
              const end = bytes.length - 4;
              bytes[end - 1] = (bytes[end - 1] as number) ^ 1;
              const view = new DataView(bytes.buffer, bytes.byteOffset);
              view.setUint32(end, crc32(bytes.subarray(0, end)), true);
            }
            return found;
          },
      ),
  },
  {
    name: "trimmed-when-sealed",
    invariant: "I7",
    plant: () =>
      replaceMethod(
        SimJournal.prototype,
        "seal",
        (seal) =>
          async function (this: SimJournal, seq, bytes, closed) {
            await seal.call(this, seq, bytes, closed);
            await this.trim(this.incarnation, seq);
          },
      ),
  },
  {
    name: "published-before-stored",
    invariant: "I6",
    plant: (world) =>
      replaceMethod(
        SimHub.prototype,
        "crash",
        (crash) =>
          function (this: SimHub) {
            crash.call(this);
            // What was said to be stored was in a cache.
            const lost = this.streamImage.records.splice(-1 - world.random.below(20));
            this.streamImage.last -= lost.length;
          },
      ),
  },
  {
    name: "cursor-saved-first",
    invariant: "I5",
    plant: () =>
      replaceMethod(
        SimLedger.prototype,
        "checkpoint",
        (checkpoint) =>
          async function (this: SimLedger, delta: LedgerDelta) {
            await checkpoint.call(this, { ...delta, totals: [], dropped: [], rows: [] });
            for (let i = 0; i < 20; i++) await this.setMeta("waiting", String(i));
            await checkpoint.call(this, delta);
          },
      ),
  },
];
