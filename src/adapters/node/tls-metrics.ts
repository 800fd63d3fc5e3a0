/** What is counted of a TLS listener. */

import type { CounterChild, Family, GaugeChild, Metrics } from "../../ports/metrics.ts";

export const handshakeOutcomes = ["done", "failed", "timed-out", "crowded-out"] as const;
export type HandshakeOutcome = (typeof handshakeOutcomes)[number];

export interface CertificateMetrics {
  /** By the certificate's file. */
  readonly daysLeft: Family<GaugeChild>;
  /** `taken` or `refused`. */
  readonly reloads: Family<CounterChild>;
  readonly handshakes: Family<CounterChild>;
}

export function certificateMetrics(metrics: Metrics): CertificateMetrics {
  return {
    daysLeft: metrics.gauge({
      name: "tallygate_certificate_days_left",
      help: "Days until a served certificate expires, by its file; below 0 it has.",
      labels: ["file"],
    }),
    reloads: metrics.counter({
      name: "tallygate_certificate_reloads_total",
      help: "Changed certificate files that were read, by outcome: taken or refused.",
      labels: ["outcome"],
    }),
    handshakes: metrics.counter({
      name: "tallygate_tls_handshakes_total",
      help: "TLS handshakes that clients began, by outcome: done, failed, timed-out, crowded-out.",
      labels: ["outcome"],
    }),
  };
}
