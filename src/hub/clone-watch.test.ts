import assert from "node:assert/strict";
import { test } from "node:test";
import { aloneAfterMs, CloneWatch } from "./clone-watch.ts";

function heard(...incarnations: readonly string[]): boolean[] {
  const watch = new CloneWatch();
  return incarnations.map((incarnation, second) => watch.heard("p", incarnation, second * 1_000));
}

test("a process that is started and connects again and again is one process", () => {
  assert.ok(!heard("a", "a", "a", "b", "b", "c", "c", "c", "c", "c").includes(true));
});

test("a last message that comes after the next start is not a second process", () => {
  assert.ok(!heard("a", "b", "a", "b", "b", "b").includes(true));
});

test("two that take turns are two", () => {
  const verdicts = heard("a", "b", "a", "b", "a", "b", "a", "b");
  assert.deepEqual(verdicts.indexOf(true), 6);
});

test("another producer is another process", () => {
  const watch = new CloneWatch();
  const verdicts = [1, 2, 3, 4, 5, 6].flatMap(() => [
    watch.heard("p", "a", 0),
    watch.heard("q", "b", 0),
  ]);
  assert.ok(!verdicts.includes(true));
});

test("the one that is left is alone again, and a second time two are noticed at once", () => {
  const watch = new CloneWatch();
  for (const turn of [1, 2, 3, 4]) {
    watch.heard("p", "a", turn);
    watch.heard("p", "b", turn);
  }
  assert.equal(watch.heard("p", "a", 5), true);
  assert.equal(watch.heard("p", "a", 3 + aloneAfterMs), true, "the other may come yet");
  assert.equal(watch.heard("p", "a", 4 + aloneAfterMs), false);
  assert.equal(watch.heard("p", "b", 5 + aloneAfterMs), true);
  assert.equal(watch.heard("p", "a", 6 + aloneAfterMs), true);
});
