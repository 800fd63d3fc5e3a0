import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "sync-fails",
  sentence:
    "Syncs of a gateway's journal that fail with EIO under load, durability `disk`, with `kill -9` during or after: no call is answered 200 meanwhile, the gateway serves again by itself, everything answered is counted",
  bar: "50 times, under-count 0, 0 answered 200 while syncs fail, serves again ≤ 5 s",
  minutesMax: 15,
  measure: () => measureLongForm("sync-fails.test.ts"),
};
