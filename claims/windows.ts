import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "11-windows",
  sentence:
    "Every instant from 1970 to 2200 falls in exactly one window of each kind: month lengths, leap years, year ends, ISO weeks, `month@key` from the 31st",
  bar: "all property tests",
  minutesMax: 5,
  measure: () => measureTests("src/limits/window.test.ts"),
};
