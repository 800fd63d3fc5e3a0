import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-6-restarts",
  sentence:
    "20 rolling restarts of two processes on one port under 300 calls/s and new connections all the time, with tcp_migrate_req",
  bar: "0 failed calls, 0 lost charges",
  minutesMax: 15,
  measure: () => measureLongForm("rolling-restart.test.ts"),
};
