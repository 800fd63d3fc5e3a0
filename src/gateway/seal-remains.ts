/** What an earlier start of this producer left open in the journal is sealed under the incarnation that charged it. */

import type { EpochMs } from "../base/words.ts";
import { replayRecords } from "../metering/open-batch.ts";
import type { Journal } from "../ports/journal.ts";
import type { Log } from "../ports/log.ts";

export async function sealRemains(
  journal: Pick<Journal, "remains" | "identity" | "sealRemains">,
  of: { readonly region: string; readonly nowMs: EpochMs; readonly log: Log },
): Promise<void> {
  const { remains } = journal;
  if (remains === undefined) return;
  const { region, nowMs, log } = of;
  const { batch, intact } = replayRecords(remains.groups, nowMs);
  const { damagedGroups } = remains;
  if (!intact || damagedGroups > 0) {
    log.error("open records of the journal are damaged; charges behind them are lost", {
      damagedGroups,
    });
  }
  const { incarnation, seq } = remains;
  const { producer } = journal.identity;
  const sealed = batch.seal({ producer, incarnation, seq, region, sealedAtMs: nowMs });
  await journal.sealRemains(sealed.bytes);
  log.info("charges of an earlier start were sealed", { calls: batch.calls, seq });
}
