import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-partitions",
  sentence:
    "Thirty cuts of 5 to 90 s between one to three of three regions and the hub, one way, both, flapping, half-open and after resets, 600 calls/s on keys whose quotas run out meanwhile",
  bar: "soft and guarded overshoot ≤ the computed bounds; a guard closed in time; strict: 0 over; equal and exact totals ≤ 3 s after healing",
  minutesMax: 45,
  measure: () => measureLongForm("partitions.test.ts"),
};
