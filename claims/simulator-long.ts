import { join } from "node:path";
import { cleanRows, readCampaign, seedsOf } from "../scripts/campaign-table.ts";
import { root } from "../scripts/checks.ts";
import { runJobs } from "../src/sim/pool.ts";
import type { Claim, Measurement } from "./claim.ts";

const seedsMin = 50_000;
/** Of the campaign's seeds, run again by the commit that is measured. */
const sample = 400;

async function measure(): Promise<Measurement> {
  const rows = cleanRows(readCampaign(join(root, "docs/simulator-campaign.md")));
  const seeds = seedsOf(rows);
  const first = rows[0]?.first ?? 0;
  const step = Math.max(1, Math.floor(seeds / sample));
  const jobs = Array.from({ length: Math.min(sample, seeds) }, (_, i) => ({
    seed: first + i * step,
    plant: undefined,
  }));
  let again = "";
  await runJobs(jobs, 2, ({ seed, violation }) => {
    if (violation === undefined) return undefined;
    again = `seed ${seed}: ${violation.invariant}: ${violation.detail}`;
    return "stop";
  });
  const commits = [...new Set(rows.map(({ commit }) => commit))].join(", ");
  return {
    figure: `${seeds} seeds without a violation by commits ${commits}; of ${jobs.length} of them run again: ${again || "none"}`,
    met: seeds >= seedsMin && again === "",
  };
}

export const claim: Claim = {
  id: "2-simulator-long",
  sentence:
    "50,000 further seeds of the simulator break no invariant: those of its campaign (`docs/simulator-campaign.md`), each by the commit that its row names, and a sample of them again by this one",
  bar: "≥ 50,000 seeds, 0 violations",
  minutesMax: 20,
  measure,
};
