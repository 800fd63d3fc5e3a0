import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "crash-images",
  sentence:
    "The files of journal (both durability modes), usage stream and ledger, as kills and power losses may leave them at any moment of a recorded run, each unsynced write absent, whole or cut at sectors: every image recovers, nothing acknowledged is lost, nothing is invented",
  bar: "≥ 5,000 images, 0 wrong",
  minutesMax: 15,
  measure: () => measureLongForm("crash-images.test.ts"),
};
