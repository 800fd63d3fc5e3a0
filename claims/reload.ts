import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-6-reload",
  sentence:
    "200 changed configurations taken under 300 calls/s, wrong ones between them, each answer of one version",
  bar: "0 failed calls, 0 lost charges",
  minutesMax: 20,
  measure: () => measureLongForm("reload.test.ts"),
};
