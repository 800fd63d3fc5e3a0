import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "door-3-slow",
  sentence:
    "slowhttptest -H, -B, -R and -X from Debian, a minute each with 1,000 connections that are opened again when all are closed, beside 100 calls a second of others, a tenth of them on connections of their own",
  bar: "≥ 99.9 % of the others' calls succeed; p99 ≤ 2 × that of the half minutes before and after",
  minutesMax: 15,
  measure: () => measureLongForm("door/slow-clients.test.ts"),
};
