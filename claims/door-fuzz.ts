import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-7-fuzz",
  sentence:
    "100,000 requests of docs/http.md with up to four changes each, 32 at a time, against a real gateway: cut, repeated, spliced, bytes turned, tokens put in",
  bar: "0 crashes, 0 unhandled rejections, no answer 500; nothing forwarded that was not charged",
  minutesMax: 15,
  measure: () => measureLongForm("door/fuzz.test.ts"),
};
