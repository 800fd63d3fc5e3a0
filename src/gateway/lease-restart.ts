/** What an earlier start of this producer still holds of strict quotas goes back to the hub. */

import { type EpochMs, producerKey } from "../base/words.ts";
import { closeAfterRestart } from "../limits/lease-spend.ts";
import type { Journal } from "../ports/journal.ts";
import type { Log } from "../ports/log.ts";
import { leaseClosesPerBatch } from "./lease-keeper.ts";
import type { Meter } from "./meter.ts";

/**
 * Closes every lease at its mark: nobody knows how much of it was spent, only that it was no more. The batch that says so takes
 * it out of the journal, too; a crash before that finds it again, and what is said twice counts once.
 */
export async function giveLeasesBack(
  journal: Pick<Journal, "leases" | "damagedLeases" | "identity">,
  meter: Pick<Meter, "closeLease" | "flush">,
  { log, nowMs }: { readonly log: Log; readonly nowMs: EpochMs },
): Promise<void> {
  const { leases, damagedLeases, identity } = journal;
  if (damagedLeases > 0) {
    const detail =
      "leases of an earlier start are damaged: their quota stays out until their windows end";
    log.error(detail, { leases: damagedLeases });
  }
  if (leases.length === 0) return;
  log.info("leases of an earlier start go back", { leases: leases.length });
  let inBatch = 0;
  for (const { incarnation, request, window, lo, hi, mark } of leases) {
    const holder = producerKey(identity.producer, incarnation);
    const { spent } = closeAfterRestart({ holder, request, mark });
    meter.closeLease({ incarnation, request, window, lo, hi, spent }, nowMs);
    inBatch++;
    if (inBatch < leaseClosesPerBatch) continue;
    await meter.flush(nowMs);
    inBatch = 0;
  }
  await meter.flush(nowMs);
}
