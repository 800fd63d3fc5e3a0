import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-10-secrets",
  sentence:
    "Keys and tokens, right and wrong, in every place of every kind of call, with all logs and traces on, crashes and a backup: searched for in all files, output, spans, metrics and answers",
  bar: "found 0 times",
  minutesMax: 5,
  measure: () => measureLongForm("secrets.test.ts"),
};
