import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "sync-order",
  sentence:
    "With durability `disk` a gateway writes no reply before the sync of its journal that covers the reply's charge, as strace sees a running process do it; with `os` the same check finds replies that did not wait",
  bar: "1,000 replies, 0 too early",
  minutesMax: 5,
  measure: () => measureLongForm("sync-order.test.ts"),
};
