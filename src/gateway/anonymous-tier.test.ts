import assert from "node:assert/strict";
import { test } from "node:test";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const get = (peer: string) => ({ target: "/8.8.8.8", peer });

test("all /64 of a /48 together have a ceiling, and a neighbour outside has his own", async () => {
  const rig = await PipelineRig.create();
  let admitted = 0;
  let last = 0;
  for (let i = 0; i < 200; i++) {
    const { status } = await rig.ask(get(`2001:db8:1:${i.toString(16)}::1`));
    last = status;
    if (status === 200) admitted++;
  }
  // 200 /64 lie in one /56, of which the ceiling is 4 × 3.
  assert.deepEqual([admitted, last], [12, 429]);
  admitted = 0;
  for (let i = 1; i < 256; i++) {
    for (let k = 0; k < 12; k++) {
      const peer = `2001:db8:1:${i.toString(16)}${k.toString(16)}0::1`;
      if (i > 0xf || (await rig.ask(get(peer))).status !== 200) continue;
      admitted++;
    }
  }
  assert.equal(admitted, 48 - 12, "the /48's ceiling is 16 × 3");
  assert.equal((await rig.ask(get("2001:db8:2::1"))).status, 200);
});

test("a refusal by a ceiling names it, and callers from IPv4 hear of none", async () => {
  const rig = await PipelineRig.create({
    config: { clients: { ipv6Aggregates: [{ prefix: 48, times: 1 }] } },
  });
  for (let i = 0; i < 3; i++) await rig.ask(get(`2001:db8:1:${i}::1`));
  const denied = await rig.ask(get("2001:db8:1:9::1"));
  assert.equal(denied.status, 429);
  assert.deepEqual(denied.json()["violated-policies"], ["day/48"]);
  assert.equal(denied.header("RateLimit-Policy"), '"day";q=3;w=86400, "day/48";q=3;w=86400');
  assert.equal(denied.header("RateLimit"), '"day/48";r=0;t=43200');
  const plain = await rig.ask(get("203.0.113.7"));
  assert.equal(plain.header("RateLimit-Policy"), '"day";q=3;w=86400');
});

test("charges of a ceiling travel under the block's name", async () => {
  const rig = await PipelineRig.create({
    config: { clients: { ipv6Aggregates: [{ prefix: 48, times: 2 }] } },
  });
  await rig.ask(get("2001:db8:1:9::1"));
  const subjects = rig.meter.lastRow.counters.map(({ subject }) => subject);
  assert.deepEqual(subjects, ["ip:2001:db8:1:9::/64", "ip:2001:db8:1::/48"]);
});

test("beyond addressesMax newcomers share a counter and a row, and a key leaves all that", async () => {
  const rig = await PipelineRig.create({
    config: { clients: { addressesMax: 1_000, sharedTimes: 2 } },
  });
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  for (let i = 0; i < 1_000; i++) await rig.ask(get(address(i)));
  const statuses: number[] = [];
  for (let i = 0; i < 8; i++) statuses.push((await rig.ask(get(address(5_000 + i)))).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200, 429, 429]);
  const { counters, address: of } = rig.meter.lastRow;
  assert.deepEqual([counters[0]?.subject, of], ["overflow:ip", "other"]);
  assert.equal(rig.counts.get("tallygate_shared_counter_calls_total{anonymous,ip}"), 8);
  assert.equal((await rig.ask(get(address(1)))).status, 200, "who has a counter keeps it");
  const usage = rig.send({ target: "/-/usage", peer: address(6_000) }).json();
  assert.deepEqual(
    (usage["limits"] as { subject: string; used: number }[])[0]?.subject,
    "overflow:ip",
  );
  const keyed = await rig.ask({ ...get(address(6_000)), headers: ["x-api-key", rig.key()] });
  assert.equal(keyed.status, 200);
});
