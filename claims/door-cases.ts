import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-1-cases",
  sentence:
    "The table of docs/http.md: raw bytes on a socket of a real gateway with a recording upstream behind, and raw replies of that upstream",
  bar: "every case answered, forwarded and charged as the table says; the processes alive; the next connection works",
  minutesMax: 5,
  measure: () => measureLongForm("door/cases.test.ts"),
};
