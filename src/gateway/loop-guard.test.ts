import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopGuard } from "./loop-guard.ts";

function shareShed(guard: LoopGuard, isAnonymous: boolean): number {
  let shed = 0;
  for (let i = 0; i < 1_000; i++) if (guard.sheds(isAnonymous)) shed++;
  return shed / 1_000;
}

test("one late turn sheds nothing, nor does a process that was stopped", () => {
  const guard = new LoopGuard();
  for (const late of [0, 80, 0, 400, 0, 60_000, 60_000, 60_000]) guard.look(late, 100);
  assert.equal(guard.share, 0);
  assert.equal(guard.sheds(true), false);
});

test("turns that are late with little to do in them shed nothing: others have the core", () => {
  const guard = new LoopGuard();
  for (let i = 0; i < 20; i++) guard.look(200, 8);
  assert.equal(guard.share, 0);
  assert.ok(guard.latenessMs > 190);
});

test("how late turns usually are is told, but for one that was stopped", () => {
  const guard = new LoopGuard();
  for (let i = 0; i < 20; i++) guard.look(30, 0);
  guard.look(60_000, 0);
  assert.ok(Math.abs(guard.latenessMs - 30) < 0.1);
  for (let i = 0; i < 20; i++) guard.look(-1, 0);
  assert.ok(guard.latenessMs < 0.1);
});

test("while turns are late more and more is shed, callers without a key first; afterwards nothing", () => {
  const guard = new LoopGuard();
  for (let i = 0; i < 6; i++) guard.look(120, 100);
  assert.ok(Math.abs(guard.share - 0.5) < 1e-9);
  assert.ok(shareShed(guard, true) > 0.99);
  assert.ok(shareShed(guard, false) < 0.01);
  for (let i = 0; i < 20; i++) guard.look(120, 100);
  assert.equal(guard.share, 0.95);
  assert.ok(Math.abs(shareShed(guard, false) - 0.9) < 0.01);
  for (let i = 0; i < 20; i++) guard.look(1, 0);
  assert.equal(guard.share, 0);
  assert.equal(shareShed(guard, true), 0);
});
