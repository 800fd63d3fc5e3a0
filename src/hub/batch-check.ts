/** What a batch that decodes must keep to as well before it may enter the stream. Pure. */

import type { Incarnation, ProducerId, Seq, WindowId } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";

/** Units of one counter in one batch, at most: 4,398 calls of the highest cost (`costMax`) in one flush. */
export const batchUnitsMax = 2 ** 42;

/** Window ids found valid lately; the live ones come with every batch. */
const validWindows = new Set<WindowId>();
const validWindowsMax = 10_000;

/** Why the batch is refused; undefined if it is not. */
export function batchProblem(
  batch: Batch,
  named: { producer: ProducerId; incarnation: Incarnation; seq: Seq },
): string | undefined {
  if (batch.producer !== named.producer) return "of another producer";
  if (batch.incarnation !== named.incarnation || batch.seq !== named.seq) {
    return "not the batch that the message names";
  }
  if (batch.seq < 1) return "batches are numbered from 1";
  for (const id of batch.windows) if (!isWindow(id)) return "a window that does not exist";
  const { charged, refunded, count } = batch.counters;
  for (let i = 0; i < count; i++) {
    if ((charged[i] as number) > batchUnitsMax || (refunded[i] as number) > batchUnitsMax) {
      return "more units than one flush can hold";
    }
  }
  return undefined;
}

function isWindow(id: WindowId): boolean {
  if (validWindows.has(id)) return true;
  if (parseWindowId(id) === undefined) return false;
  if (validWindows.size >= validWindowsMax) validWindows.clear();
  validWindows.add(id);
  return true;
}
