import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-clocks",
  sentence:
    "Twenty jumps of every process's wall clock, each another one, by a second to a day, at edges of windows; gateways started with their clocks a day ahead and behind, with and without the hub",
  bar: "no charge outside the hub's present window, no limit begun anew, strict: 0 over, 0 failed calls",
  minutesMax: 10,
  measure: () => measureLongForm("clocks.test.ts"),
};
