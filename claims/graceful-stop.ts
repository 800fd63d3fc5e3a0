import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-stops",
  sentence: "Fifty gateways stopped in order (SIGTERM) under 300 calls/s of keep-alive clients",
  bar: "0 calls dropped, ended ≤ 10 s, totals exact, leases given back",
  minutesMax: 10,
  measure: () => measureLongForm("graceful-stop.test.ts"),
};
