import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "disk-full",
  sentence:
    "The disk of a gateway's data folder full for a minute under load: calls are refused with 503 and `Retry-After`, or go through and are counted as unmetered where the plan allows it; no process ends, totals are exact, a strict quota is not overshot",
  bar: "under-count 0, overshoot 0, normal ≤ 5 s after there is room",
  minutesMax: 5,
  measure: () => measureLongForm("disk-full.test.ts"),
};
