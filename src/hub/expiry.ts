/**
 * Drops the totals of windows that ended a while ago, by a record in the stream, so that a replay drops them at the
 * same place.
 */

import type { EpochMs } from "../base/words.ts";
import { encodeExpire } from "../metering/stream-record.ts";
import type { HubParts } from "./hub-parts.ts";

/**
 * How long the totals of an ended window are kept. They serve nobody who decides: a gateway admits into the current
 * window only. What comes later than this, from a gateway that was cut off for longer, is counted in the usage rows, so reports
 * and invoices stay exact. With windows of a second, ten minutes are 600 tables a region, each of a second's callers: at
 * 100,000 callers a second 1.4 GB; an hour would be 8.4 GB, and one minute would drop what a restarted hub is about to
 * be sent.
 */
export const expiryGraceMs = 10 * 60_000;

/** Between expire records. Nothing is written while no window has ended. */
export const expiryIntervalMs = 60_000;

/** The horizon to write now; undefined if no window would be dropped by it. */
export function dueHorizon(
  totals: { hasEndedBy(horizonMs: EpochMs): boolean; readonly horizonMs: EpochMs },
  nowMs: EpochMs,
): EpochMs | undefined {
  const horizonMs = Math.floor(nowMs - expiryGraceMs);
  return horizonMs > totals.horizonMs && totals.hasEndedBy(horizonMs) ? horizonMs : undefined;
}

export function expireWindows(
  hub: Pick<HubParts, "state" | "stream" | "log"> & { readonly time: { nowMs(): EpochMs } },
): void {
  const horizonMs = dueHorizon(hub.state.totals, hub.time.nowMs());
  if (horizonMs === undefined) return;
  hub.stream.append(encodeExpire(horizonMs)).catch((error: unknown) => {
    // The next minute tries again.
    hub.log.warn("old windows could not be dropped", { error: String(error) });
  });
}
