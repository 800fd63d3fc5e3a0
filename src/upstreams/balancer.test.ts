import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Candidate, chooseTarget, waitForTargetMs } from "./balancer.ts";
import { TargetHealth } from "./target-health.ts";

interface Named extends Candidate {
  readonly name: string;
}

function target(name: string, weight = 1, callsMax = 100): Named {
  const health = new TargetHealth({
    failuresMax: 1,
    errorShareMax: 0.5,
    ejectMs: 1_000,
    ejectMaxMs: 8_000,
    slowStartMs: 10_000,
    checksFailedMax: 1,
    checksPassedMin: 1,
  });
  return { name, weight, callsMax, health, calls: 0, sockets: 0, turn: 0 };
}

function choose(
  targets: readonly Named[],
  { nowMs = 0, tried = [] as readonly Named[], isPrecious = false, isUpgrade = false } = {},
): string | undefined {
  return chooseTarget(targets, { nowMs, tried, isPrecious, isUpgrade })?.name;
}

/** How often each is chosen when no call lasts. */
function shares(targets: readonly Named[], count: number, nowMs = 0): Record<string, number> {
  const chosen: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const name = choose(targets, { nowMs }) ?? "none";
    chosen[name] = (chosen[name] ?? 0) + 1;
  }
  return chosen;
}

test("idle targets take turns, as often as their weights say", () => {
  assert.deepEqual(shares([target("a"), target("b"), target("c")], 300), {
    a: 100,
    b: 100,
    c: 100,
  });
  assert.deepEqual(shares([target("a", 3), target("b", 1)], 400), { a: 300, b: 100 });
});

test("WebSockets are spread by how many are open, and calls as if there were none", () => {
  const [a, b] = [target("a"), target("b")];
  a.sockets = 100;
  for (let i = 0; i < 100; i++) {
    assert.equal(choose([a, b], { isUpgrade: true }), "b");
    b.sockets++;
  }
  a.sockets = 1_000;
  assert.deepEqual(shares([a, b], 100), { a: 50, b: 50 });
});

test("a target with fewer calls for its weight comes first, so one that hangs gets no more", () => {
  const [hanging, other] = [target("hanging"), target("other")];
  hanging.calls = 1;
  assert.deepEqual(shares([hanging, other], 50), { other: 50 });
  const heavy = target("heavy", 10);
  heavy.calls = 9;
  other.calls = 1;
  assert.equal(choose([heavy, other]), "heavy");
});

test("a target that is full, out or was tried is passed over, and none is left in the end", () => {
  const [a, b, c] = [target("a"), target("b", 1, 2), target("c")];
  b.calls = 2;
  c.health.failed(0);
  assert.equal(choose([a, b, c]), "a");
  assert.equal(choose([a, b, c], { tried: [a] }), undefined);
  b.calls = 1;
  assert.equal(choose([a, b, c], { tried: [a] }), "b");
});

test("a target on trial gets a tenth of a share, and no call that cannot be sent again", () => {
  const [a, b] = [target("a"), target("b")];
  b.health.failed(0);
  assert.deepEqual(shares([a, b], 110, 1_000), { a: 100, b: 10 });
  for (let i = 0; i < 50; i++) {
    assert.equal(choose([a, b], { nowMs: 1_000, isPrecious: true }), "a");
  }
  assert.equal(choose([b], { nowMs: 1_000, isPrecious: true }), "b", "there is no other");
});

test("how long to wait is told by the target that is back first", () => {
  const [a, b] = [target("a"), target("b")];
  a.health.failed(0);
  b.health.failed(300);
  assert.equal(waitForTargetMs([a, b], 400), 600);
  b.health.checked(false, 400);
  a.health.checked(false, 400);
  assert.equal(waitForTargetMs([a, b], 400), undefined);
});

test("whatever the weights, in the long run loads per weight differ by one call at most", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }),
      (weights) => {
        const targets = weights.map((weight, i) => target(String(i), weight, 10_000));
        for (let i = 0; i < 500; i++) {
          const chosen = chooseTarget(targets, {
            nowMs: 0,
            tried: [],
            isPrecious: false,
            isUpgrade: false,
          });
          assert.ok(chosen);
          chosen.calls++;
        }
        const least = Math.min(...targets.map(({ calls, weight }) => calls / weight));
        for (const { calls, weight } of targets) assert.ok((calls - 1) / weight <= least + 1e-9);
      },
    ),
  );
});
