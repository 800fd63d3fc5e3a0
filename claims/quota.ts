import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "3-quota",
  sentence:
    "One producer admits exactly its quota over 64 connections; what is refused, unknown, reserved or 404 charges nothing; a refused key is never anonymous; addresses are counted by prefix and cannot be forged",
  bar: "exactly 1,000 of 1,500; every case of rows 3, 5 and 6",
  minutesMax: 5,
  measure: () => measureTests("test/quota.test.ts"),
};
