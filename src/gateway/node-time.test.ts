import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeTime } from "./node-time.ts";

function fixture() {
  const clock = {
    wall: 1_700_000_000_000,
    mono: 50,
    wallMs: () => clock.wall,
    monotonicMs: () => clock.mono,
    threadCpuMs: () => 0,
  };
  return { clock, time: new NodeTime(clock) };
}

test("before the first contact the wall clock at the start counts, and later jumps of it do not", () => {
  const { clock, time } = fixture();
  assert.equal(time.nowMs(), 1_700_000_000_000);
  clock.mono += 10;
  clock.wall -= 86_400_000;
  assert.equal(time.nowMs(), 1_700_000_000_010);
  assert.equal(time.isDisciplined, false);
});

test("a heartbeat sets time to the hub's at the middle of the round trip", () => {
  const { clock, time } = fixture();
  clock.mono = 150;
  time.sample({ sentAtMs: 50, receivedAtMs: 150, hubTimeMs: 9_000_000 });
  assert.equal(time.nowMs(), 9_000_050);
  assert.equal(time.roundTripMs, 100);
});

test("samples with a round trip above 2 s, or a negative one, are not used", () => {
  const { clock, time } = fixture();
  clock.mono = 5_000;
  assert.equal(time.sample({ sentAtMs: 2_999, receivedAtMs: 5_000, hubTimeMs: 1 }), undefined);
  assert.equal(time.sample({ sentAtMs: 5_001, receivedAtMs: 5_000, hubTimeMs: 1 }), undefined);
  assert.notEqual(time.sample({ sentAtMs: 3_000, receivedAtMs: 5_000, hubTimeMs: 1 }), undefined);
});

test("a worse sample is ignored until the better one is a minute old", () => {
  const { clock, time } = fixture();
  clock.mono = 100;
  time.sample({ sentAtMs: 90, receivedAtMs: 100, hubTimeMs: 2_000_000 });
  clock.mono = 1_000;
  const worse = { sentAtMs: 500, receivedAtMs: 1_000, hubTimeMs: 5_000_000 };
  assert.equal(time.sample(worse), undefined);
  clock.mono = 61_000;
  const late = { sentAtMs: 60_500, receivedAtMs: 61_000, hubTimeMs: 5_000_000 };
  assert.notEqual(time.sample(late), undefined);
});

test("a small correction backwards makes time stand still, never go back", () => {
  const { clock, time } = fixture();
  clock.mono = 100;
  const before = time.nowMs();
  time.sample({ sentAtMs: 100, receivedAtMs: 100, hubTimeMs: before - 1_000 });
  assert.equal(time.nowMs(), before);
  clock.mono += 999;
  assert.equal(time.nowMs(), before);
  clock.mono += 11;
  assert.equal(time.nowMs(), before + 10);
});

test("a wall clock that was a day ahead is stepped back at the first contact", () => {
  const { clock, time } = fixture();
  const before = time.nowMs();
  time.sample({ sentAtMs: 50, receivedAtMs: 50, hubTimeMs: before - 86_400_000 });
  clock.mono += 1;
  assert.equal(time.nowMs(), before - 86_400_000 + 1);
});

test("before the first contact no time has passed for certain", () => {
  const { time } = fixture();
  assert.equal(time.certainMs(), 0);
  time.sample({ sentAtMs: 50, receivedAtMs: 50, hubTimeMs: 1_000 });
  assert.equal(time.certainMs(), time.nowMs());
});

test("before the first contact time is not behind what was heard of the hub at an earlier start", () => {
  const { clock, time } = fixture();
  const before = time.nowMs();
  time.notBefore(before - 1);
  assert.equal(time.nowMs(), before, "the wall clock is later: it counts");
  time.notBefore(before + 86_400_000);
  clock.mono += 5;
  assert.equal(time.nowMs(), before + 86_400_000 + 5);
  assert.equal(time.certainMs(), 0, "it may be later still");
  time.sample({ sentAtMs: 55, receivedAtMs: 55, hubTimeMs: before });
  time.notBefore(before + 86_400_000);
  assert.equal(time.nowMs(), before, "the hub knows better");
});

test("the first sample of another start of the hub counts, however short the round trips to the one before were", () => {
  const { clock, time } = fixture();
  clock.mono = 60;
  time.sample({ sentAtMs: 50, receivedAtMs: 60, hubTimeMs: 9_000_000 });
  time.forgetSample();
  assert.equal(time.isDisciplined, true);
  clock.mono = 500;
  time.sample({ sentAtMs: 300, receivedAtMs: 500, hubTimeMs: 7_000_000 });
  assert.equal(time.nowMs(), 7_000_100);
});
