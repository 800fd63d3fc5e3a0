import assert from "node:assert/strict";
import { test } from "node:test";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { QueueingUpstream } from "./testing/queueing-upstream.ts";

/** 10 workers of 50 ms: 200 calls a second. */
const capacity = 200;

for (const spread of [0.1, 0.5, 0.95]) {
  test(`three times what an upstream can do, service times ± ${spread}: it goes on as before`, () => {
    const upstream = new QueueingUpstream(new ConcurrencyLimit(256), { workers: 10, spread });
    const phase = (times: number) => ({ ms: 30_000, perSecond: times * capacity, serviceMs: 50 });
    const before = upstream.run(phase(0.7));
    const during = upstream.run(phase(3));
    upstream.run({ ...phase(0.7), ms: 5_000 });
    const after = upstream.run({ ...phase(0.7), ms: 20_000 });
    assert.ok(before.shedKeyed < 0.01 && before.shedAnonymous < 0.03, "nothing is shed in calm");
    assert.ok(during.answeredPerSecond > 0.9 * capacity, `${during.answeredPerSecond} a second`);
    assert.ok(during.p99 <= 2 * before.p99, `p99 ${before.p99} → ${during.p99} ms`);
    assert.ok(during.shedAnonymous > 0.9, "callers without a key go first");
    assert.ok(during.shedKeyed < during.shedAnonymous / 1.5);
    assert.ok(after.shedKeyed < 0.03 && after.shedAnonymous < 0.05, "nothing is left of it");
    assert.ok(after.p99 <= 1.5 * before.p99);
  });
}

test("an upstream with much room is not held back for long when ten times as many calls come", () => {
  const upstream = new QueueingUpstream(new ConcurrencyLimit(1_024), { workers: 500, spread: 0.1 });
  upstream.run({ ms: 10_000, perSecond: 300, serviceMs: 20 });
  const rush = upstream.run({ ms: 2_000, perSecond: 3_000, serviceMs: 20 });
  const later = upstream.run({ ms: 10_000, perSecond: 3_000, serviceMs: 20 });
  assert.ok(rush.shedKeyed < 0.1, `${rush.shedKeyed} shed at first`);
  assert.ok(later.shedKeyed < 0.001 && later.shedAnonymous < 0.01);
});

test("an upstream that becomes slower for good is taken as it is after some seconds", () => {
  const upstream = new QueueingUpstream(new ConcurrencyLimit(1_024), { workers: 500, spread: 0.1 });
  upstream.run({ ms: 10_000, perSecond: 300, serviceMs: 20 });
  upstream.run({ ms: 10_000, perSecond: 300, serviceMs: 100 });
  const later = upstream.run({ ms: 10_000, perSecond: 300, serviceMs: 100 });
  assert.ok(later.shedKeyed < 0.01 && later.shedAnonymous < 0.02);
});

test("a page's worth of calls at once goes through after calm", () => {
  const limit = new ConcurrencyLimit(256);
  const begun = Array.from({ length: 40 }, () => limit.begin(true));
  assert.ok(begun.every(Boolean));
  for (let i = 0; i < 40; i++) limit.end(20, i);
  assert.equal(limit.underWay, 0);
});

test("never more than there are sockets, never fewer than four", () => {
  const small = new ConcurrencyLimit(8);
  const begun = Array.from({ length: 20 }, () => small.begin(false)).filter(Boolean);
  assert.equal(begun.length, 8);
  for (let now = 0; now < 100_000; now += 100) {
    small.end(now, now);
    small.begin(false);
    assert.ok(small.limit >= 4 && small.limit <= 8);
  }
});

test("what tells nothing of the upstream only makes room", () => {
  const limit = new ConcurrencyLimit(64);
  const before = limit.limit;
  for (let i = 0; i < 1_000; i++) {
    assert.ok(limit.begin(false));
    limit.leave();
  }
  assert.deepEqual([limit.limit, limit.underWay], [before, 0]);
});

test("what comes while the process pauses for a tenth of a second is let through at once, at any rate", () => {
  const limit = new ConcurrencyLimit(1024);
  // 4,000 calls a second, answered within the same millisecond.
  for (let nowMs = 0; nowMs < 3_000; nowMs++) {
    for (let i = 0; i < 4; i++) {
      assert.ok(limit.begin(false));
      limit.end(0.2, nowMs);
    }
  }
  for (let pause = 0; pause < 20; pause++) {
    for (let i = 0; i < 395; i++) assert.ok(limit.begin(false), `call ${i} of pause ${pause}`);
    for (let i = 0; i < 395; i++) limit.end(0.2, 3_000 + pause);
  }
});
