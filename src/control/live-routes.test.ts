import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { callOutcomes } from "../ports/link.ts";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import { liveListenersMax } from "./live-routes.ts";
import type { LiveJson, LiveMomentJson, NearLimitsJson } from "./live-schemas.ts";
import { type LiveSample, liveEveryMs } from "./live-watch.ts";
import { adminToken, createFakeHub, type FakeHub, nowMs } from "./testing/fake-hub.ts";
import type { CreatedTokenJson } from "./token-schemas.ts";

let fake: FakeHub;
let app: ControlApp;
let samples: LiveSample[];

function sampleAt(second: number, answered: number): LiveSample {
  return {
    atMs: nowMs + second * 1_000,
    regions: new Map([["sydney", [answered, 1, 0, 0]]]),
    outcomes: callOutcomes.map((name) => (name === "admitted" ? answered : 0)),
  };
}

beforeEach(() => {
  fake = createFakeHub();
  samples = [sampleAt(0, 5), sampleAt(1, 7)];
  app = createControl({ ...fake.context, live: { samples } });
});

function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  const authorization = `Bearer ${adminToken}`;
  return app.request(path, { method, headers: { authorization, ...headers } });
}

async function listen(headers: Record<string, string> = {}) {
  const response = await get("/v1/live", { accept: "text/event-stream", ...headers });
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  const next = async (): Promise<string | undefined> => {
    const piece = await reader?.read();
    return piece?.value === undefined ? undefined : new TextDecoder().decode(piece.value);
  };
  return { response, next, cancel: () => reader?.cancel() };
}

function dataOf<T>(event: string | undefined): T {
  return JSON.parse(/^data: (.*)$/m.exec(event ?? "")?.[1] ?? "null") as T;
}

async function second(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  fake.elapse(liveEveryMs);
}

test("once: the newest rates, the history in columns, sums by outcome, and the status", async () => {
  const live = (await (await get("/v1/live")).json()) as LiveJson;
  assert.deepEqual(live.history.times, [nowMs, nowMs + 1_000]);
  assert.deepEqual(live.history.regions["sydney"]?.answered, [5, 7]);
  assert.deepEqual(live.rates["sydney"], { answered: 7, limited: 1, refused: 0, failed: 0 });
  assert.deepEqual(live.outcomes, { admitted: 12 });
  assert.equal(live.status.regions.length, 2);
  assert.equal(live.status.regions[0]?.location?.latitude, -33.87);
});

test("as a stream: the same first, then every second a moment without the history", async () => {
  const stream = await listen();
  assert.match(stream.response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const begin = await stream.next();
  assert.match(begin ?? "", /^retry: 1000\nevent: begin\n/);
  assert.equal(dataOf<LiveJson>(begin).history.times.length, 2);
  const pending = stream.next();
  samples.push(sampleAt(2, 9));
  await second();
  const moment = await pending;
  assert.match(moment ?? "", /^event: moment\n/);
  assert.equal(dataOf<LiveMomentJson>(moment).rates["sydney"]?.answered, 9);
  assert.ok(!("history" in dataOf<object>(moment)));
});

test("a stream ends with the token that opened it", async () => {
  const made = (await (
    await app.request("/v1/tokens", {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "page" }),
    })
  ).json()) as CreatedTokenJson;
  const stream = await listen({ authorization: `Bearer ${made.token}` });
  await stream.next();
  const pending = stream.next();
  await get(`/v1/tokens/${made.id}`, {}, "DELETE");
  await second();
  assert.equal(await pending, undefined);
});

test("one listener too many is refused, and takes the place of one that left", async () => {
  const head = await get("/v1/live", { accept: "text/event-stream" }, "HEAD");
  assert.equal(head.status, 200);
  const streams = [];
  for (let i = 0; i < liveListenersMax; i++) streams.push(await listen());
  const refused = await listen();
  assert.equal(refused.response.status, 503);
  await streams[0]?.cancel();
  const again = await listen();
  assert.equal(again.response.status, 200);
});

test("counters near a limit are told as the hub found them; before the first walk there is no time", async () => {
  const window = "day/2026-11-21T00:00:00Z";
  const counter = { plan: "pro", limit: "day", window, subject: "key:k_1", used: 9, quota: 10 };
  fake.near = { share: 0.8, counters: [counter], more: 3, atMs: nowMs };
  const near = (await (await get("/v1/near-limits")).json()) as NearLimitsJson;
  const at = new Date(nowMs).toISOString();
  assert.deepEqual(near, { at, share: 0.8, counters: [counter], more: 3 });
  fake.near = { ...fake.near, atMs: 0 };
  assert.equal(((await (await get("/v1/near-limits")).json()) as NearLimitsJson).at, null);
});
