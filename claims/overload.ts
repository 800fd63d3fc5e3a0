import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "overload",
  sentence:
    "An upstream that can answer 200 calls a second is asked for 600 for 30 s, then for 140 again: the gateway finds the limit by itself, refuses the rest at once and needs no help afterwards",
  bar: "goodput ≥ 95 % of before within 30 s after; p99 of the admitted ≤ 2 × during; p99 of refusals ≤ 5 ms",
  minutesMax: 10,
  measure: () => measureLongForm("overload.test.ts"),
};
