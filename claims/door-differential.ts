import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-2-differential",
  sentence:
    "What the gateway forwarded, read again by nginx and HAProxy from Debian: every case of docs/http.md that is let in, and 10,000 requests written in every way that is allowed",
  bar: "the same count, methods, targets, fields and bodies for all",
  minutesMax: 10,
  measure: () => measureLongForm("door/differential.test.ts"),
};
