import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-day",
  sentence:
    "Half an hour that is like a day: 10,000 keys, day curve, bursts, bad clients, some 200 faults in turn, and hour, day and month ending in its middle",
  bar: "totals exact per key and window; what each process has resident after a collection grows < 1 MB in 10 minutes (last 12 minutes), open files stay",
  minutesMax: 50,
  measure: () => measureLongForm("long/day.test.ts"),
};
