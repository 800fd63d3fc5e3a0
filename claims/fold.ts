import { execFileSync } from "node:child_process";
import type { Claim, Measurement } from "./claim.ts";

/** The rates that the benchmark prints, in counter updates a second. */
function rates(output: string, what: string): number {
  const line = output.split("\n").find((text) => text.startsWith(`${what}: `)) ?? "";
  return Number(/: ([\d,]+) /.exec(line)?.[1]?.replaceAll(",", "") ?? 0);
}

async function measure(): Promise<Measurement> {
  const args = ["--max-old-space-size=8000", "bench/fold.ts", "--counters", "10000000", "--ledger"];
  const output = execFileSync(process.execPath, args, { encoding: "utf8" });
  process.stderr.write(output);
  const alone = rates(output, "alone");
  const beside = rates(output, "with checkpoints in the background");
  return {
    figure: `${alone.toLocaleString("en")} counter updates/s alone, ${beside.toLocaleString("en")} with a checkpoint running`,
    met: alone >= 1_000_000 && beside >= 500_000,
  };
}

export const claim: Claim = {
  id: "14-fold",
  sentence:
    "The fold at 10⁷ counters, decoding, totals, usage rows and change tracking included, in processor time of its thread",
  bar: "≥ 1,000,000 counter updates/s; ≥ 500,000 with a checkpoint running in the background",
  minutesMax: 15,
  measure,
};
