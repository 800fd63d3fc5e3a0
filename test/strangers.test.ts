/**
 * Floods of strangers through a whole pipeline: more addresses than a window has counters for, and wrong keys. In one process and
 * without sockets, so that ten million addresses take a minute and nothing else takes memory.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { formatApiKey } from "../src/access/api-key.ts";
import type { CallMeter } from "../src/gateway/pipeline-parts.ts";
import { FakeResponse, PipelineRig } from "../src/gateway/testing/pipeline-rig.ts";
import type { RowDefinition } from "../src/metering/usage.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

const addressesMax = isLong ? 10_000_000 : 200_000;
const flood = isLong ? 11_000_000 : 600_000;
/** Windows of a day and a month; what a table costs a counter at its worst sizes, see `counter-table.ts`. */
const windows = 2;
const bytesPerCounter = isLong ? 26 : 40;

const wrongKeys = isLong ? 1_000_000 : 100_000;
/** Calls timed in one go, bare and wrong ones in turn. */
const round = 10_000;
const wrongKeyUsMax = 10;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heldBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const row: RowDefinition = {
  ...{ hour: 0, route: "/{ip}", plan: "anonymous", owner: "", key: "", address: "", referer: "" },
  counters: [],
};

/** Stores everything at once and keeps nothing. */
const meter: CallMeter = {
  accepts: () => true,
  charge: () => 1,
  lastRow: row,
  refund: () => true,
  storedPosition: Number.MAX_SAFE_INTEGER,
  unmeteredCalls: 0,
  observe: () => {},
  observed: () => {},
};

const handlers = { "./handler.ts": () => new FakeResponse("hello") };

/** Every other caller from IPv6, each in a /48 of its own. */
function addressOf(number: number): string {
  if (number % 2 === 1) {
    return `2001:${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}::1`;
  }
  return `${1 + (number >>> 24)}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

test("a flood of addresses takes bounded memory and frees no offender", async (t) => {
  const limits = ["day", "month"].map((window) => ({ name: window, per: "ip", quota: 3, window }));
  const rig = await PipelineRig.create({
    meter,
    handlers,
    config: {
      clients: { addressesMax },
      plans: { anonymous: { limits } },
      routes: [{ path: "/{ip}", handler: "./handler.ts" }],
    },
  });
  const call = (peer: string): number => rig.send({ target: "/8.8.8.8", peer }).status;
  const before = heldBytes();
  const offender = "203.0.113.7";
  const regular = "203.0.113.8";
  for (let i = 0; i < 3; i++) assert.equal(call(offender), 200);
  assert.equal(call(offender), 429);
  assert.equal(call(regular), 200);
  let refused = 0;
  for (let i = 1; i <= flood; i++) {
    if (call(addressOf(i)) !== 200) refused++;
    if (i % 100_000 === 0 && call(offender) !== 429) assert.fail(`free after ${i} addresses`);
  }
  const bytes = heldBytes() - before;
  assert.equal(call(offender), 429);
  assert.deepEqual([call(regular), call(regular), call(regular)], [200, 200, 429]);
  assert.ok(refused > 0, "the shared counter's quota was used up");
  const boundBytes = windows * addressesMax * bytesPerCounter + 20e6;
  assert.ok(bytes <= boundBytes, `${bytes} of ${boundBytes} bytes`);
  const mb = (value: number): string => `${Math.round(value / 1e6)} MB`;
  t.diagnostic(
    `figure: ${flood / 1e6} million addresses in two windows of at most ${addressesMax / 1e6} million counters: ${mb(bytes)} (bound ${mb(boundBytes)}), the offender 429 throughout`,
  );
});

test("a wrong key costs little more than a bare request, and a flood of them no memory", async (t) => {
  // Without an anonymous plan a bare request is refused as well, as early as can be.
  const plans = { pro: { limits: [{ name: "day", per: "key", quota: 10, window: "day" }] } };
  const config = { plans, anonymousPlan: undefined };
  const rig = await PipelineRig.create({ meter, handlers, config });
  const key = rig.key();
  const entropy = new Uint8Array(20);
  const words = new DataView(entropy.buffer);
  const timed = (headers: readonly string[][], peers: readonly string[]): number => {
    const startedMs = performance.now();
    for (let i = 0; i < round; i++) {
      rig.send({
        target: "/8.8.8.8",
        peer: peers[i % peers.length] as string,
        headers: headers[i] as string[],
      });
    }
    return ((performance.now() - startedMs) * 1_000) / round;
  };
  const bare = Array.from({ length: round }, (_, i) => ["x-other-key", `${i}`]);
  const one = ["203.0.113.7"];
  const many = Array.from({ length: round }, (_, i) => addressOf(i));
  const costs = { bare: [] as number[], one: [] as number[], many: [] as number[] };
  let before = 0;
  for (let sent = 0; sent < wrongKeys; ) {
    const keysOf = (): string[][] =>
      Array.from({ length: round }, () => {
        words.setUint32(0, ++sent);
        return ["x-api-key", formatApiKey({ prefix: "ipd", mode: "live", entropy })];
      });
    costs.bare.push(timed(bare, one));
    costs.one.push(timed(keysOf(), one));
    costs.many.push(timed(keysOf(), many));
    if (before === 0) before = heldBytes();
  }
  const bytes = heldBytes() - before;
  const median = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[values.length >> 1] as number;
  const [bareUs, oneUs, manyUs] = [median(costs.bare), median(costs.one), median(costs.many)];
  const addedUs = Math.max(oneUs, manyUs) - bareUs;
  assert.ok(addedUs <= wrongKeyUsMax, `${addedUs} µs`);
  assert.ok(bytes < 4e6, `${bytes} bytes`);
  const headers = ["x-api-key", key];
  rig.pass(1_000);
  assert.equal(rig.send({ target: "/8.8.8.8", peer: "203.0.113.7", headers }).status, 200);
  t.diagnostic(
    `figure: ${wrongKeys} wrong keys: ${(oneUs - bareUs).toFixed(1)} µs more than a bare request from one address, ${(manyUs - bareUs).toFixed(1)} µs from ${round} addresses; ${(bytes / 1e6).toFixed(1)} MB`,
  );
});
