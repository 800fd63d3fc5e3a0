/** What the hub's link refuses, counted. */

import type { Metrics } from "../ports/metrics.ts";

/** `reason` is one of a few words of ours. */
export function linkRefusals(metrics: Metrics): (reason: string) => void {
  const refusals = metrics.counter({
    name: "tallygate_link_refusals_total",
    help: "Connections and messages of the link that were refused.",
    labels: ["reason"],
  });
  return (reason) => refusals.child(reason).add(1);
}
