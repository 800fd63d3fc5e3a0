/**
 * From the oldest charge of a batch to its being in another region's view, in virtual time: waiting for the flush, the wire to the hub, the
 * stream's sync, the hub's queue, the next update, the wire back, applying it. Each part's source stands with it.
 */

import { type SeededRandom, seededRandom } from "../../src/base/random.ts";
import { regions } from "./traffic.ts";

export interface LagOptions {
  readonly flushMs: number;
  readonly publishMs: number;
  /** Of one hub, or of one partition: share of its processor that the offered load takes. */
  readonly utilisation: number;
  /** Processor time that one batch takes of it, and that one update takes of a gateway, ms; both measured. */
  readonly serviceMs: number;
  readonly applyMs: number;
}

/** Group commit of the stream on an NVMe disk: taken as given; the claims measure it where the project is tested. */
const syncMs = 5;

/** Deviation of a wire's delay, as a share of it: exponential, added on top. Taken as given. */
const jitterShare = 0.1;

const draws = 20_000;

/** Infinite where the hub cannot keep up: then lag grows for as long as the load lasts. */
export function lagOf(options: LagOptions): { readonly p50Ms: number; readonly p99Ms: number } {
  const { flushMs, publishMs, utilisation, serviceMs, applyMs } = options;
  if (utilisation >= 1) return { p50Ms: Infinity, p99Ms: Infinity };
  const random = seededRandom(11);
  const lags = Float64Array.from({ length: draws }, () => {
    const from = random.below(regions.length);
    const to = (from + 1 + random.below(regions.length - 1)) % regions.length;
    // M/M/1: what waits and is served takes service / (1 − utilisation), exponentially.
    const hubMs = exponential(random, serviceMs / (1 - utilisation));
    const wires = wireMs(random, from) + wireMs(random, to);
    return flushMs + syncMs + hubMs + random.next() * publishMs + wires + applyMs;
  }).sort();
  return { p50Ms: lags[draws / 2] as number, p99Ms: lags[(draws * 99) / 100] as number };
}

function wireMs(random: SeededRandom, region: number): number {
  const { delayMs } = regions[region] as { readonly delayMs: number };
  return delayMs + exponential(random, delayMs * jitterShare);
}

function exponential(random: SeededRandom, mean: number): number {
  return -mean * Math.log(1 - random.next());
}
