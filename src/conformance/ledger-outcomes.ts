/** What every ledger says of how calls ended. Part of the suite of `ledger-store.ts`. */

import assert from "node:assert/strict";
import type {
  LedgerObservation,
  LedgerStore,
  OutcomeQuery,
  OutcomeRow,
} from "../ports/ledger-store.ts";
import { emptyDelta } from "./ledger-samples.ts";

const hour = Date.UTC(2026, 10, 21, 22);
const hourMs = 3_600_000;

function seen(fields: Partial<LedgerObservation>): LedgerObservation {
  return {
    ...{ hour, region: "sydney", route: "/{ip}", plan: "pro", outcome: "admitted" },
    ...{ calls: 1, bytes: 10, timeMs: 2.5 },
    ...fields,
  };
}

const everything: OutcomeQuery = {
  ...{ by: "outcome", window: "total", fromMs: 0, toMs: hour + 48 * hourMs },
  ...{ where: {}, limit: 1_000 },
};

const counts = (rows: readonly OutcomeRow[]): (readonly [string, string, number])[] =>
  rows.map(({ window, value, calls }) => [window, value, calls]);

/** A ledger that was never asked or written to before. */
export async function checkOutcomes(ledger: LedgerStore): Promise<void> {
  assert.deepEqual(await ledger.outcomes(everything), []);
  await ledger.checkpoint({
    ...emptyDelta,
    observations: [
      seen({ calls: 3 }),
      seen({ calls: 5, outcome: "limited:day" }),
      seen({ calls: 2, outcome: "timeout", region: "seoul" }),
      seen({ calls: 1, hour: hour + 2 * hourMs }),
    ],
  });
  await ledger.checkpoint({ ...emptyDelta, observations: [seen({ calls: 4 })] });

  const all = await ledger.outcomes(everything);
  assert.deepEqual(all, [
    { window: "", value: "admitted", calls: 8, bytes: 30, timeMs: 7.5 },
    { window: "", value: "limited:day", calls: 5, bytes: 10, timeMs: 2.5 },
    { window: "", value: "timeout", calls: 2, bytes: 10, timeMs: 2.5 },
  ]);
  const hours = await ledger.outcomes({ ...everything, window: "hour" });
  assert.deepEqual(counts(hours), [
    ["2026-11-21T22:00:00Z", "admitted", 7],
    ["2026-11-21T22:00:00Z", "limited:day", 5],
    ["2026-11-21T22:00:00Z", "timeout", 2],
    ["2026-11-22T00:00:00Z", "admitted", 1],
  ]);
  const days = await ledger.outcomes({ ...everything, window: "day", by: "region" });
  assert.deepEqual(counts(days), [
    ["2026-11-21T00:00:00Z", "sydney", 12],
    ["2026-11-21T00:00:00Z", "seoul", 2],
    ["2026-11-22T00:00:00Z", "sydney", 1],
  ]);
  const where = { region: "sydney", outcome: "admitted" };
  const some = await ledger.outcomes({ ...everything, by: "route", where, toMs: hour + hourMs });
  assert.deepEqual(counts(some), [["", "/{ip}", 7]]);
  const first = await ledger.outcomes({ ...everything, limit: 1 });
  assert.deepEqual(counts(first), [["", "admitted", 8]]);
  const none = await ledger.outcomes({ ...everything, where: { plan: "' OR 1=1 --" } });
  assert.deepEqual(none, []);
}
