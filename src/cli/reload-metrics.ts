/** What became of changed configurations. */

import type { Metrics } from "../ports/metrics.ts";

export interface ReloadMetrics {
  /** `waiting`: parts that wait for the next start. */
  taken(waiting: number): void;
  refused(): void;
}

export function reloadMetrics(metrics: Metrics): ReloadMetrics {
  const family = metrics.counter({
    name: "tallygate_config_reloads_total",
    help: "Changed configurations, by whether they were taken or refused.",
    labels: ["result"],
  });
  const [taken, refused] = [family.child("taken"), family.child("refused")];
  const pending = metrics
    .gauge({
      name: "tallygate_config_restart_pending",
      help: "Parts of the configuration that differ from what the process was started with.",
    })
    .child();
  return {
    taken(waiting) {
      taken.add(1);
      pending.set(waiting);
    },
    refused: () => refused.add(1),
  };
}
