import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeTime, settle } from "../hub/testing/fake-time.ts";
import { type GatewayEnd, type GatewayMessage, probeTargetsMax } from "../ports/link.ts";
import type { Probed } from "../ports/prober.ts";
import type { ProbeResult } from "../status/probe.ts";
import { Probing, probesWaitingMax } from "./probing.ts";

const targets = [
  { region: "seoul", url: "http://seoul" },
  { region: "tokyo", url: "http://tokyo" },
];

class Rig {
  readonly time = new FakeTime();
  readonly asked: string[] = [];
  readonly results: ProbeResult[] = [];
  readonly sizes: number[] = [];
  isLinked = true;
  bufferedBytes = 0;
  /** How a probe ends. */
  answer: () => Promise<Probed> = async () => ({ outcome: "ok", latencyMs: 7 });
  readonly probing = new Probing({
    prober: {
      probe: ({ region }) => {
        this.asked.push(`${region} ${this.time.monotonicMs()}`);
        return this.answer();
      },
    },
    ...{ clock: this.time, timers: this.time, timeMs: () => this.time.wallMs() },
    end: () => (this.isLinked ? this.#end() : undefined),
  });

  #end(): GatewayEnd {
    const send = (message: GatewayMessage): void => {
      if (message.kind !== "probes") return;
      this.sizes.push(message.results.length);
      this.results.push(...message.results);
    };
    return { send, bufferedBytes: this.bufferedBytes } as unknown as GatewayEnd;
  }
}

test("each region is asked once a second, spread over it, and what came of it is told", async () => {
  const rig = new Rig();
  rig.probing.plan(targets);
  await rig.time.advance(2_000);
  assert.deepEqual(rig.asked, ["seoul 100", "tokyo 500", "seoul 1100", "tokyo 1500"]);
  assert.equal(rig.results.length, 4);
  const { region, outcome, latencyMs, atMs } = rig.results[0] as ProbeResult;
  assert.deepEqual([region, outcome, latencyMs], ["seoul", "ok", 7]);
  assert.equal(atMs, rig.time.wallMs() - 1_900);
});

test("after a failure the next comes at once, and never two at one region", async () => {
  const rig = new Rig();
  rig.answer = () =>
    new Promise((resolve) => {
      rig.time.after(2_000, () => resolve({ outcome: "slow", latencyMs: 0 }));
    });
  rig.probing.plan(targets.slice(0, 1));
  await rig.time.advance(5_000);
  assert.deepEqual(rig.asked, ["seoul 100", "seoul 2400", "seoul 4700"]);
});

test("what a process that was paused itself found is not told", async () => {
  const rig = new Rig();
  let end = (_: Probed): void => {};
  rig.answer = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  rig.probing.plan(targets.slice(0, 1));
  await rig.time.advance(100);
  rig.time.skip(20_000);
  end({ outcome: "slow", latencyMs: 0 });
  await settle();
  assert.deepEqual(rig.results, []);
  await rig.time.advance(400);
  assert.equal(rig.asked.length, 2);
});

test("without the hub results wait, bounded, and go in parts when it is back", async () => {
  const rig = new Rig();
  rig.isLinked = false;
  rig.probing.plan(targets);
  await rig.time.advance(210_000);
  assert.deepEqual([rig.asked.length, rig.results.length], [420, 0]);
  rig.isLinked = true;
  rig.bufferedBytes = 2 ** 24;
  await rig.time.advance(100);
  assert.equal(rig.results.length, 0);
  rig.bufferedBytes = 0;
  await rig.time.advance(100);
  assert.deepEqual(rig.sizes.slice(0, 2), [200, 200]);
  assert.equal(rig.results.length, rig.asked.length);
  assert.ok(probesWaitingMax >= 10_000);
});

test("a new plan takes the place of the old one; an empty one ends it", async () => {
  const rig = new Rig();
  rig.probing.plan(targets);
  await rig.time.advance(600);
  rig.probing.plan(targets.slice(1));
  await rig.time.advance(1_000);
  assert.deepEqual(rig.asked, ["seoul 100", "tokyo 500", "tokyo 1500"]);
  rig.probing.plan([]);
  await rig.time.advance(5_000);
  assert.equal(rig.asked.length, 3);
});

test("only origins are asked, sixteen at most", async () => {
  const rig = new Rig();
  const many = Array.from({ length: 30 }, (_, i) => ({ region: `r${i}`, url: `http://r${i}` }));
  const wrong = [
    "ftp://x",
    "http://x/path",
    "http://u:p@x",
    "http://x?y",
    "javascript:alert(1)",
    "",
  ];
  rig.probing.plan([...wrong.map((url) => ({ region: "x", url })), ...many].slice(0, 20));
  await rig.time.advance(1_000);
  assert.ok(rig.asked.every((line) => line.startsWith("r")));
  rig.probing.plan(many);
  rig.asked.length = 0;
  await rig.time.advance(1_000);
  assert.equal(new Set(rig.asked.map((line) => line.split(" ")[0])).size, probeTargetsMax);
});
