import {
  describeRestore,
  fullPhaseMs,
  type RestoreResult,
  runRestore,
  startFleet,
} from "../test/support/hub-away-run.ts";
import type { Claim, Measurement } from "./claim.ts";

/** A run fails by itself where totals are not exact or a key is lost or back. */
async function measure(): Promise<Measurement> {
  const fleet = await startFleet();
  const results: RestoreResult[] = [];
  try {
    for (const end of ["SIGKILL", "SIGTERM"] as const) {
      const result = await runRestore(fleet, end, fullPhaseMs);
      process.stderr.write(`${end}: ${describeRestore(result)}\n`);
      results.push(result);
    }
  } finally {
    await fleet.stop();
  }
  const figures = results.map(
    ({ ackedAtBackup, counted, failed }) =>
      `${counted.acked - ackedAtBackup} calls after the backup, ${counted.total} counted of ${counted.acked} answered and ${counted.unknown} unknown, ${failed} failed`,
  );
  const met = results.every(({ failed }) => failed === 0);
  return { figure: figures.join("; "), met, details: results };
}

export const claim: Claim = {
  id: "9-restore",
  sentence:
    "A hub restored from a backup made before the load, with the load going on, ends with exact totals: gateways send again what the backup lacks, and give back keys made and revoked since",
  bar: "totals exact, `verify` finds nothing, 0 failed calls",
  minutesMax: 6,
  measure,
};
