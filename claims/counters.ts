import type { Claim, Measurement } from "./claim.ts";
import { countersBench } from "./support/counters-bench.ts";

interface Table {
  readonly worstBytesPerCounter: number;
  readonly rssPerCounter: number;
  readonly movedPerStepMax: number;
  readonly insertNs: { readonly p9999: number };
}

async function measure(): Promise<Measurement> {
  const table = countersBench<Table>("table", 5e7);
  // The worst of a run is that from a tenth of its size on: here from 5·10⁶.
  const { worstBytesPerCounter, rssPerCounter, movedPerStepMax, insertNs } = table;
  const slowMs = insertNs.p9999 / 1e6;
  return {
    figure: `${worstBytesPerCounter.toFixed(2)} B of table a counter at worst from 5·10⁶ on, ${rssPerCounter.toFixed(1)} B of RSS at 5·10⁷, insert p99.99 ${slowMs.toFixed(3)} ms, ${movedPerStepMax} slots moved per step`,
    met:
      worstBytesPerCounter <= 24 && rssPerCounter <= 32 && slowMs <= 2 && movedPerStepMax <= 20_000,
    details: table,
  };
}

export const claim: Claim = {
  id: "12-counters",
  sentence: "The counter table's memory and growth",
  bar: "≤ 24 B; ≤ 32 B; ≤ 2 ms; ≤ 20,000",
  minutesMax: 6,
  measure,
};
