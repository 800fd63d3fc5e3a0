import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "7-key-effect",
  sentence:
    "With 1,000,000 keys in the table, a created or revoked key is so in every region (140 and 120 ms from the hub); memory of the key table; start of a gateway with its saved keys; an acknowledged revocation survives kill -9 without the hub",
  bar: "≤ 1 s; ≤ 250 MB; ≤ 5 s; 401",
  minutesMax: 15,
  measure: () => measureLongForm("keys.test.ts"),
};
