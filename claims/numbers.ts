import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "pages-4-numbers",
  sentence:
    "After a million calls of mixed keys, routes, refunds and rejections in three regions, the caller's books, usage by every dimension and window, CSV, JSON lines, the command line, every gateway's usage, outcomes, the dashboard, the portal and `verify` agree",
  bar: "to the unit",
  minutesMax: 30,
  measure: () => measureLongForm("numbers.test.ts"),
};
