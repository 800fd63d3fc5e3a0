import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "13-verify",
  sentence:
    "`verify` exits 1 and names the counter after one total in the ledger is changed by hand and after one byte of the stream is flipped, hub running or stopped, and where a region cannot be asked",
  bar: "every case",
  minutesMax: 5,
  measure: () => measureLongForm("verify.test.ts"),
};
