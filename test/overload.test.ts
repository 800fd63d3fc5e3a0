/**
 * An upstream is asked for three times what it can do, then for 0.7 times: what is admitted meanwhile is answered about as fast as
 * before, the rest is refused at once, and afterwards everything is as it was, without help.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "undici";
import { Cluster, freeBasePort } from "./support/cluster.ts";
import { threeRegions } from "./support/configs.ts";
import { percentile } from "./support/load.ts";
import { SlowUpstream } from "./support/slow-upstream.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const phaseMs = isLong ? 30_000 : 5_000;
/** Until the goodput is looked at again: in the long form as the issue says, less here. */
const settleMs = isLong ? 10_000 : 2_000;

const workers = 10;
const serviceMs = 50;
const connections = 96;

let upstream: SlowUpstream;
let cluster: Cluster;
let key: string;

before(async () => {
  const port = await freeBasePort();
  upstream = await SlowUpstream.start(port, { workers, serviceMs });
  cluster = await Cluster.start({
    config: threeRegions({
      regions: ["sydney"],
      plans: "pro: { limits: [{ name: month, per: key, quota: 10000000, window: month }] }",
      top: `upstreams: { slow: { targets: ["http://127.0.0.1:${port}"] } }`,
      routes: "- { path: /slow, upstream: slow }",
    }),
  });
  key = (await cluster.createKnownKey("pro")).key;
});

after(async () => {
  await cluster?.stop();
  await upstream?.stop();
});

interface Phase {
  readonly answered: number[];
  readonly shed: number[];
  readonly other: number;
  readonly perSecond: number;
}

/** Open loop: calls start at fixed moments, over as many connections as it takes; those that find none free are not sent. */
async function load(times: number, ms: number): Promise<Phase> {
  const answered: number[] = [];
  const shed: number[] = [];
  let other = 0;
  const clients = Array.from(
    { length: connections },
    () => new Client(cluster.region("sydney").url),
  );
  const free = [...clients];
  const call = async (client: Client): Promise<void> => {
    const startMs = performance.now();
    const { statusCode, body } = await client.request({
      ...{ path: "/slow", method: "GET", headers: { "x-api-key": key } },
    });
    await body.dump();
    const tookMs = performance.now() - startMs;
    if (statusCode === 200) answered.push(tookMs);
    else if (statusCode === 503) shed.push(tookMs);
    else other++;
    free.push(client);
  };
  const perSecond = times * upstream.capacity;
  const startMs = performance.now();
  const calls: Promise<void>[] = [];
  for (let sent = 0; performance.now() - startMs < ms; sent++) {
    const waitMs = startMs + (sent * 1000) / perSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const client = free.pop();
    if (client !== undefined) calls.push(call(client));
  }
  await Promise.all(calls);
  await Promise.all(clients.map((client) => client.close()));
  return { answered, shed, other, perSecond: (answered.length * 1000) / ms };
}

test("three times an upstream's capacity, then less: fast refusals, fast answers, no help needed", async (t) => {
  await load(0.7, phaseMs / 2);
  const calm = await load(0.7, phaseMs);
  const over = await load(3, phaseMs);
  await load(0.7, settleMs);
  const again = await load(0.7, phaseMs);
  const p99 = (values: number[]): number => percentile(values, 0.99);
  const ms = (value: number): string => value.toFixed(1);
  t.diagnostic(
    `figure: before ${calm.perSecond.toFixed(0)} answered a second, p99 ${ms(p99(calm.answered))} ms; during ` +
      `${over.perSecond.toFixed(0)}, p99 ${ms(p99(over.answered))} ms, ${over.shed.length} refused in ` +
      `${ms(percentile(over.shed, 0.5))} ms (p99 ${ms(p99(over.shed))}); after ${again.perSecond.toFixed(0)}, ` +
      `p99 ${ms(p99(again.answered))} ms`,
  );
  assert.equal(calm.other + over.other + again.other, 0, "only 200 and 503");
  assert.ok(over.shed.length > over.answered.length / 2, "most of what is too much is refused");
  assert.ok(again.perSecond >= 0.95 * calm.perSecond, "goodput afterwards");
  assert.ok(percentile(over.shed, 0.5) < percentile(over.answered, 0.5), "refused without a wait");
  // The everyday suite shares the machine with other tests: there its times say nothing.
  if (!isLong) return;
  assert.ok(over.perSecond >= 0.8 * upstream.capacity, "goodput meanwhile");
  assert.ok(p99(over.answered) <= 2 * p99(calm.answered), "p99 meanwhile");
  assert.ok(p99(over.shed) <= 5, "refused in 5 ms");
});
