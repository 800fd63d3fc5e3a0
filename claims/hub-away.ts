import {
  type Away,
  describeHubAway,
  fullTimes,
  type HubAwayResult,
  p99RatioMax,
  runHubAway,
  startFleet,
} from "../test/support/hub-away-run.ts";
import type { Claim, Measurement } from "./claim.ts";

/** A run fails by itself where totals are not exact, or the restarted gateway does not serve. */
async function measure(): Promise<Measurement> {
  const fleet = await startFleet();
  const results = new Map<Away, HubAwayResult>();
  try {
    for (const away of ["frozen", "killed"] as const) {
      const result = await runHubAway(fleet, away, fullTimes);
      process.stderr.write(`${away}: ${describeHubAway(result)}\n`);
      results.set(away, result);
    }
  } finally {
    await fleet.stop();
  }
  const figures = [...results].map(([away, { failed, p99BeforeMs, p99AwayMs }]) => {
    const ratio = (p99AwayMs / p99BeforeMs).toFixed(2);
    return `${away}: ${failed} failed, p99 ${p99BeforeMs.toFixed(1)} → ${p99AwayMs.toFixed(1)} ms (${ratio} ×)`;
  });
  const met = [...results.values()].every(
    ({ failed, p99BeforeMs, p99AwayMs }) => failed === 0 && p99AwayMs <= p99RatioMax * p99BeforeMs,
  );
  return { figure: figures.join("; "), met, details: Object.fromEntries(results) };
}

export const claim: Claim = {
  id: "9-hub-away",
  sentence:
    "With the hub frozen, or killed, for 60 s under load the other gateways notice nothing, one restarted meanwhile serves from its saved keys and totals, and afterwards all totals are exact",
  bar: "0 failed calls, p99 ≤ 1.5 × of before, totals exact",
  minutesMax: 8,
  measure,
};
