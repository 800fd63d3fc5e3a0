import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalsToldMax } from "../ports/link.ts";
import { RefusalTally } from "./refusal-tally.ts";

const caller = (keySlot: number) => ({ keySlot, keyId: () => `k_${keySlot}` });

test("refusals are summed by key, route and reason until they are told", () => {
  const tally = new RefusalTally();
  assert.equal(tally.take(), undefined);
  const limited = { route: "/a", reason: "limited:day" };
  tally.note(caller(1), { ...limited, nowMs: 5 });
  tally.note(caller(1), { ...limited, nowMs: 7.25 });
  tally.note(caller(1), { route: "/b", reason: "limited:day", nowMs: 8 });
  tally.note(caller(2), { ...limited, nowMs: 9 });
  assert.deepEqual(tally.take(), [
    { key: "k_1", ...limited, count: 2, lastMs: 7 },
    { key: "k_1", route: "/b", reason: "limited:day", count: 1, lastMs: 8 },
    { key: "k_2", ...limited, count: 1, lastMs: 9 },
  ]);
  assert.equal(tally.take(), undefined);
});

test("callers without a key are not noted", () => {
  const tally = new RefusalTally();
  tally.note(caller(-1), { route: "/", reason: "limited:day", nowMs: 1 });
  assert.equal(tally.take(), undefined);
});

test("what is told at one time is bounded; what is there already goes on being counted", () => {
  const tally = new RefusalTally();
  for (let slot = 0; slot < refusalsToldMax + 5; slot++) {
    tally.note(caller(slot), { route: "/", reason: "limited:day", nowMs: 1 });
  }
  tally.note(caller(0), { route: "/", reason: "limited:day", nowMs: 2 });
  const told = tally.take();
  assert.equal(told?.length, refusalsToldMax);
  assert.equal(told?.[0]?.count, 2);
});
