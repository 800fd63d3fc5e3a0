import assert from "node:assert/strict";
import { test } from "node:test";
import { CloneWatch } from "./clone-watch.ts";

function heard(...incarnations: readonly string[]): boolean[] {
  const watch = new CloneWatch();
  return incarnations.map((incarnation) => watch.heard("p", incarnation));
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
  const verdicts = [1, 2, 3, 4, 5, 6].flatMap(() => [watch.heard("p", "a"), watch.heard("q", "b")]);
  assert.ok(!verdicts.includes(true));
});
