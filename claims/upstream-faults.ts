import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "upstream-faults",
  sentence:
    "Upstreams that are down, hang, break off in the middle of replies, answer with storms of errors, come back, flap, or are all gone, under 150 calls a second: no call outlasts its time-outs, calls go right again within a second, and each is charged as its answer says",
  bar: "no call over its time-outs; failover ≤ 1 s; attempts ≤ 1.1 × calls; no POST sent twice; charges exact",
  minutesMax: 12,
  measure: () => measureLongForm("upstreams.test.ts"),
};
