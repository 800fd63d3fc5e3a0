import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "../run.ts";
import { allPlants } from "./plants.ts";

/** A bug is found within so many seeds. */
const seedsMax = 200;

const found: string[] = [];

for (const plant of allPlants) {
  test(`the planted bug ${plant.name} is found by the checker of ${plant.invariant}`, async () => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = await runSeed({ seed, plant });
      if (violation === undefined) continue;
      assert.equal(violation.invariant, plant.invariant, violation.detail);
      found.push(`${plant.name} → ${plant.invariant}: ${seed}`);
      return;
    }
    assert.fail(`not found within ${seedsMax} seeds`);
  });
}

test("at least 25 bugs are planted", (t) => {
  t.diagnostic("planted bug → invariant: seeds needed");
  for (const line of found) t.diagnostic(line);
  assert.ok(allPlants.length >= 25);
});
