/**
 * Notices that an older copy of a gateway's data folder was put back. A batch is on its producer's disk before it is sent, and a
 * journal never forgets how far it was: where the hub is further with an incarnation, the journal is not what it was.
 *
 * Totals stay right, since a repeated seq counts once. What the journal had and had not sent is lost, and leases that are closed
 * at the marks of the copy give back what may have been spent.
 */

import { producerKey } from "../base/words.ts";
import type { Fold } from "../metering/fold.ts";
import type { Hello } from "../ports/link.ts";

/** A sentence for the operator; undefined: nothing speaks for it. */
export function olderCopy(
  { producer, journal, region, process }: Hello,
  fold: Pick<Fold, "watermark">,
): string | undefined {
  const isBehind = journal.some(
    ([incarnation, , last]) => fold.watermark(producerKey(producer, incarnation)) > last,
  );
  if (!isBehind) return undefined;
  return `the journal of ${region}/${process} ends before what it has sent: an older copy of its data folder was put back; calls that it had not sent are lost, and what it spent of strict limits since the copy was made comes on top`;
}
