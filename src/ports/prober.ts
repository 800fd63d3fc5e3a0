/** Asks another region's public door whether it takes calls. */

import type { ProbeOutcome, ProbeTarget } from "../status/probe.ts";

export interface Probed {
  readonly outcome: ProbeOutcome;
  /** From the request on an open connection to the head of the answer; 0 without one. */
  readonly latencyMs: number;
}

export interface Prober {
  /** On a connection of its own, without a key; never rejects, and is over within `msMax`. */
  probe(target: ProbeTarget, msMax: number): Promise<Probed>;
}
