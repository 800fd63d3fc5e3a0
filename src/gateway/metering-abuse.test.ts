/** Ways to use more than a plan gives: the part of docs/http.md, M, that needs no socket. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const target = "/8.8.8.8";

function rigOf(per: string, quota: number): Promise<PipelineRig> {
  const limits = (of: string) => ({ limits: [{ name: "hour", per: of, quota, window: "hour" }] });
  return PipelineRig.create({ config: { plans: { anonymous: limits("ip"), pro: limits(per) } } });
}

/** How often each status came. Undefined: without a key. */
async function burst(
  rig: PipelineRig,
  keys: readonly (string | undefined)[],
): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  for (const key of keys) {
    const headers = key === undefined ? [] : ["X-Api-Key", key];
    const { status } = await rig.ask({ target, headers });
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return statuses;
}

function times(key: string, count: number): string[] {
  return new Array<string>(count).fill(key);
}

test("a burst over a window's end gets one quota before it and one after it", async () => {
  const rig = await rigOf("key", 10);
  const key = rig.key();
  rig.pass(3_599_999);
  assert.deepEqual(await burst(rig, times(key, 30)), { 200: 10, 429: 20 });
  rig.pass(1);
  assert.deepEqual(await burst(rig, times(key, 30)), { 200: 10, 429: 20 });
});

test("a quota that is lowered while calls go on refuses the next, and what was used counts", async () => {
  const rig = await rigOf("key", 10);
  const key = rig.key();
  assert.deepEqual(await burst(rig, times(key, 5)), { 200: 5 });
  for (const [quota, expected] of [
    [5, { 429: 3 }],
    [7, { 200: 2, 429: 1 }],
  ] as const) {
    (await rig.pipeline.prepare((await rigOf("key", quota)).config))();
    assert.deepEqual(await burst(rig, times(key, 3)), expected);
  }
});

test("a thousand keys of one owner share the owner's quota", async () => {
  const rig = await rigOf("owner", 10);
  const keys = Array.from({ length: 1_000 }, (_, i) => rig.key({ keyId: `k_${i}`, owner: "acme" }));
  assert.deepEqual(await burst(rig, keys), { 200: 10, 429: 990 });
  assert.deepEqual(await burst(rig, [rig.key({ owner: "other" })]), { 200: 1 });
});

test("calls without a key and with one are counted apart, in whatever order they come", async () => {
  const rig = await rigOf("key", 10);
  const key = rig.key();
  const mixed = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? key : undefined));
  assert.deepEqual(await burst(rig, mixed), { 200: 20, 429: 40 });
});
