/**
 * Rebuilds a ledger from a sealed checkpoint (or from nothing) and the stream, offline: for recovery where the ledger is
 * damaged and the stream is not.
 */

import type { Position } from "../base/words.ts";
import type { Timers } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import { applyStream } from "./consumer.ts";
import { copyMeta, loadEpoch } from "./ledger-meta.ts";
import { Recomputation } from "./recomputation.ts";

/** Counters updated and records read between checkpoints: a transaction of a second or so. */
const updatesPerCheckpoint = 200_000;

export interface ReplayReport {
  readonly records: number;
  readonly position: Position;
  readonly counters: number;
  /** Damaged records, left out, in sentences. */
  readonly problems: readonly string[];
}

/**
 * Brings `target`, a new ledger or a copy of a sealed checkpoint, to the end of the stream. Fails with `stream-damaged`
 * where the stream does not lead on from it. What a copy keeps beside the fold, such as cluster and epoch, stays; a new
 * ledger gets what `from`, the ledger that it is to replace, still says of them.
 */
export async function replay(
  source: { readonly stream: UsageStream; readonly timers: Timers },
  target: LedgerStore,
  from?: LedgerStore,
): Promise<ReplayReport> {
  if (from !== undefined) await copyMeta(from, target);
  const epoch = await loadEpoch(target);
  const again = new Recomputation(() => {});
  const state = again.state;
  await again.load(target);
  const { stream } = source;
  let updates = 0;
  const save = async (): Promise<void> => {
    state.totals.takeFeedChanges();
    await target.checkpoint(state.takeDelta(epoch));
    updates = state.totals.counterUpdates;
  };
  await applyStream(source, again, {
    upTo: stream.last,
    onRead: async () => {
      if (state.totals.counterUpdates - updates >= updatesPerCheckpoint) await save();
    },
  });
  await save();
  const { records, position, problems } = again;
  return { records, position, counters: state.totals.counters, problems };
}
