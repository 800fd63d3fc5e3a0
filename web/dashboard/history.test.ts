import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveMomentJson } from "../../src/control/live-schemas.ts";
import { allOf, appended, byKind, type History, total } from "./history.ts";

function moment(second: number, rates: LiveMomentJson["rates"]): LiveMomentJson {
  const at = new Date(second * 1_000).toISOString();
  return { at, rates } as LiveMomentJson;
}

const rates = (answered: number, failed = 0) => ({ answered, limited: 0, refused: 0, failed });

test("a region that comes later had no calls before; one that goes has none after", () => {
  let history: History = { times: [], regions: {} };
  history = appended(history, moment(1, { sydney: rates(5) }));
  history = appended(history, moment(2, { sydney: rates(6), seoul: rates(1, 2) }));
  history = appended(history, moment(3, { seoul: rates(3) }));
  assert.deepEqual(history.regions["sydney"]?.answered, [5, 6, 0]);
  assert.deepEqual(history.regions["seoul"]?.answered, [0, 1, 3]);
  assert.deepEqual(byKind(history).answered, [5, 7, 3]);
  assert.deepEqual(byKind(history).failed, [0, 2, 0]);
  assert.deepEqual(allOf(history.regions["seoul"] ?? assert.fail()), [0, 3, 3]);
});

test("a moment that is told twice is kept once, and ten minutes are kept", () => {
  let history: History = { times: [], regions: {} };
  for (let second = 1; second <= 605; second++) {
    history = appended(history, moment(second, { sydney: rates(second) }));
    history = appended(history, moment(second, { sydney: rates(second) }));
  }
  assert.equal(history.times.length, 600);
  assert.equal(history.times[0], 6_000);
  assert.equal(history.regions["sydney"]?.answered.at(-1), 605);
});

test("a region's total is that of all outcomes", () => {
  assert.equal(total(rates(2, 3)), 5);
  assert.equal(total(undefined), 0);
});
