import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "../run.ts";
import { allPlants } from "./plants.ts";

/** A bug is found within so many seeds. */
const seedsMax = 100;

for (const plant of allPlants) {
  test(`the planted bug ${plant.name} is found by the checker of ${plant.invariant}`, async (t) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = await runSeed({ seed, plant });
      if (violation === undefined) continue;
      assert.equal(violation.invariant, plant.invariant, violation.detail);
      return t.diagnostic(`${plant.name} → ${plant.invariant}: ${seed} seeds`);
    }
    assert.fail(`not found within ${seedsMax} seeds`);
  });
}
