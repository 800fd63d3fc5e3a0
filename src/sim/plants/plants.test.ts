import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "../run.ts";
import { allPlants } from "./plants.ts";

/** A bug is found within so many seeds. */
const seedsMax = 200;
const isLong = process.env["TALLYGATE_LONG"] === "1";
/** Of bugs that few seeds find: one that does, tried first in the everyday form, and all from the first one on if it does not. */
const found: Readonly<Record<string, number>> = {
  "guard-never-asked": 146,
  "revocation-not-applied-again": 42,
  "spent-forgotten-at-restart": 36,
  "lease-end-forgotten": 29,
  "gap-never-asked-for": 16,
  "stopped-without-sending": 15,
  "spent-before-marked": 11,
  "guard-asks-only-for-echoes": 9,
  "older-view-applied": 6,
};

const needed: string[] = [];

for (const plant of allPlants) {
  test(`the planted bug ${plant.name} is found by the checker of ${plant.invariant}`, async () => {
    const first = isLong ? undefined : found[plant.name];
    const seeds = Array.from({ length: seedsMax }, (_, i) => i + 1);
    for (const seed of first === undefined ? seeds : [first, ...seeds]) {
      const { violation } = await runSeed({ seed, plant });
      if (violation === undefined) continue;
      assert.equal(violation.invariant, plant.invariant, violation.detail);
      needed.push(`${plant.name} → ${plant.invariant}: ${seed}`);
      return;
    }
    assert.fail(`not found within ${seedsMax} seeds`);
  });
}

test("at least 25 bugs are planted", (t) => {
  t.diagnostic("planted bug → invariant: seeds needed");
  for (const line of needed) t.diagnostic(line);
  assert.ok(allPlants.length >= 25);
});
