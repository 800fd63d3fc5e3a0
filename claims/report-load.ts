import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "pages-6-load",
  sentence:
    "With 10 million rows of a month and 100,000 keys in the ledger: what pages ask for, a streamed document, and gateways while documents are read",
  bar: "every page ≤ 300 ms as its reader sees it; ≤ 200 MiB more memory; p99 of calls ≤ 1.2 × of that without, the hub on a core of its own",
  minutesMax: 40,
  measure: () => measureLongForm("report-load.test.ts"),
};
