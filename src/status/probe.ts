/** What one region finds when it asks another through the public door. */

import type { EpochMs } from "../base/words.ts";

/** `refused`: an answer other than 200. `slow`: none within `probeMsMax`. `unreachable`: no connection, or what came was not HTTP. */
export type ProbeOutcome = "ok" | "refused" | "unreachable" | "slow";

export interface ProbeResult {
  /** The region that was asked. */
  readonly region: string;
  /** When it was asked, hub time as the asker knows it. */
  readonly atMs: EpochMs;
  /** From then to the outcome. */
  readonly tookMs: number;
  /** From the request on an open connection to the head of the answer; 0 without one. */
  readonly latencyMs: number;
  readonly outcome: ProbeOutcome;
}

export interface ProbeTarget {
  readonly region: string;
  /** Origin of the region's public door: `https://sydney.example.com`. */
  readonly url: string;
}

/** Between two probes of one region by another, ms. */
export const probeIntervalMs = 1_000;
/** After a failure the next comes at once: an outage is to be seen, and its end. */
export const probeAgainMs = 250;
/** An answer that takes longer is none. Far apart, TCP, TLS and the request take three round trips of 0.3 s. */
export const probeMsMax = 2_000;
