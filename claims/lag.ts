import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "10-lag",
  sentence:
    "Lag from a call's admission to every other region's view, batches every 50 ms, on loopback: with an empty ledger, and with 10 million rows in it while checkpoints run",
  bar: "p99 ≤ 150 ms",
  minutesMax: 20,
  measure: () => measureLongForm("lag.test.ts"),
};
