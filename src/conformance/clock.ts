/** What every clock, set of timers and source of random numbers does. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock, Random, Timers } from "../ports/clock.ts";

/** One machine's time, and how to let it pass. */
export interface TimeHarness {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Lets this much time pass for the timers; resolves when what was due has run. */
  pass(ms: number): Promise<void>;
  dispose(): void;
}

export interface TimeSuite {
  readonly name: string;
  readonly create: () => TimeHarness;
}

type Define = (name: string, run: (time: TimeHarness) => Promise<void>) => void;

const monthMs = 30 * 86_400_000;

export function timeConformance(suite: TimeSuite): void {
  const define: Define = (name, run) => {
    test(name, async () => {
      const time = suite.create();
      try {
        await run(time);
      } finally {
        time.dispose();
      }
    });
  };
  describe(`time: ${suite.name}`, () => {
    clocks(define);
    timers(define);
    randomNumbers(define);
  });
}

function clocks(define: Define): void {
  define("monotonic time begins near 0 or later and never goes back", async (time) => {
    let last = time.clock.monotonicMs();
    assert.ok(last >= 0);
    for (let i = 0; i < 100; i++) {
      await time.pass(1);
      const now = time.clock.monotonicMs();
      assert.ok(now >= last);
      last = now;
    }
  });

  define("wall time is milliseconds since 1970", async ({ clock }) => {
    const year = new Date(clock.wallMs()).getUTCFullYear();
    assert.ok(year >= 2026 && year < 2100);
  });
}

function timers(define: Define): void {
  define("a timer runs once, not before its time, in the order of their times", async (time) => {
    const ran: string[] = [];
    time.timers.after(20, () => ran.push("20"));
    time.timers.after(10, () => ran.push("10"));
    time.timers.after(10, () => ran.push("10 again"));
    await time.pass(9);
    assert.deepEqual(ran, []);
    await time.pass(1);
    assert.deepEqual(ran, ["10", "10 again"]);
    await time.pass(100);
    assert.deepEqual(ran, ["10", "10 again", "20"]);
  });

  define("a repeated timer first runs after its interval, then every interval", async (time) => {
    let ran = 0;
    const timer = time.timers.every(10, () => ran++);
    await time.pass(9);
    assert.equal(ran, 0);
    for (let i = 1; i <= 5; i++) {
      await time.pass(10);
      assert.equal(ran, i);
    }
    timer.cancel();
  });

  define(
    "a cancelled timer does not run, even if it is cancelled by itself or twice",
    async (time) => {
      const ran: string[] = [];
      time.timers.after(5, () => ran.push("once")).cancel();
      const itself = time.timers.every(5, () => {
        ran.push("itself");
        itself.cancel();
        itself.cancel();
      });
      for (let i = 0; i < 10; i++) await time.pass(5);
      assert.deepEqual(ran, ["itself"]);
    },
  );

  define("a month is waited for, not fired at once", async (time) => {
    let [once, often] = [0, 0];
    time.timers.after(monthMs, () => once++);
    const every = time.timers.every(monthMs, () => often++);
    await time.pass(2 ** 31);
    assert.deepEqual([once, often], [0, 0]);
    await time.pass(monthMs - 2 ** 31);
    await time.pass(1_000);
    assert.deepEqual([once, often], [1, 1]);
    every.cancel();
    await time.pass(monthMs);
    await time.pass(monthMs);
    assert.deepEqual([once, often], [1, 1]);
  });

  define(
    "the end of a turn comes after all that was settled in it, each once, in order",
    async (time) => {
      const ran: string[] = [];
      time.timers.atTurnEnd(() => ran.push("end"));
      time.timers.atTurnEnd(() => ran.push("end again"));
      void Promise.resolve().then(() => ran.push("settled"));
      assert.deepEqual(ran, []);
      await time.pass(0);
      assert.deepEqual(ran, ["settled", "end", "end again"]);
    },
  );
}

function randomNumbers(define: Define): void {
  define(
    "random numbers have the size that was asked for, their own buffer, and differ",
    async (time) => {
      const { random } = time;
      assert.match(random.hex(16), /^[0-9a-f]{32}$/);
      assert.notEqual(random.hex(16), random.hex(16));
      const bytes = random.bytes(24);
      assert.equal(bytes.length, 24);
      assert.equal(bytes.buffer.byteLength, 24);
      for (let i = 0; i < 100; i++) {
        const fraction = random.fraction();
        assert.ok(fraction >= 0 && fraction < 1);
      }
    },
  );
}
