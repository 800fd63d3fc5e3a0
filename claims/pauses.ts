import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-pauses",
  sentence:
    "Sixty stops (SIGSTOP) of 0.1 to 120 s of gateways, of the hub, and of both, 300 calls/s on keys whose quotas run out meanwhile; an upstream stopped, too",
  bar: "soft and guarded overshoot ≤ the computed bounds; no call accepted with totals older than `staleness`; strict: 0 over; no connection left behind; totals exact",
  minutesMax: 40,
  measure: () => measureLongForm("pauses.test.ts"),
};
