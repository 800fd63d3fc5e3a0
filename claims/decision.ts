import type { Claim, Measurement } from "./claim.ts";
import { countersBench } from "./support/counters-bench.ts";

interface Decision {
  readonly randomReadNs: number;
  readonly anonymousNs: number;
  readonly oneLimitNs: number;
}

async function measure(): Promise<Measurement> {
  const million = countersBench<Decision>("decide", 1e6);
  const fifty = countersBench<Decision>("decide", 5e7);
  const us = (ns: number): string => `${(ns / 1_000).toFixed(2)} µs`;
  const told = ({ anonymousNs, oneLimitNs, randomReadNs }: Decision): string =>
    `${us(anonymousNs)} (with one limit ${us(oneLimitNs)}; one read at random ${us(randomReadNs)})`;
  return {
    figure: `${told(million)} at 10⁶, ${told(fifty)} at 5·10⁷`,
    met: million.anonymousNs <= 500 && fifty.anonymousNs <= 1_000,
    details: { million, fifty },
  };
}

export const claim: Claim = {
  id: "14-decision",
  sentence:
    "A decision with its subjects under the contract's anonymous plan, of which three limits apply: three tables looked at and charged, callers at random",
  bar: "≤ 0.5 µs at 10⁶ counters; ≤ 1 µs at 5·10⁷",
  minutesMax: 10,
  measure,
};
