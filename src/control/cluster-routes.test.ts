import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { EventDraft } from "../ports/event-store.ts";
import type { ConfigJson } from "./cluster-schemas.ts";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import { listenersMax, listenMsMax } from "./event-stream.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import type { CreatedTokenJson } from "./token-schemas.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

function send(line: string, body?: unknown, headers: Record<string, string> = {}) {
  const [method = "", path = ""] = line.split(" ");
  return app.request(path, {
    method,
    headers: {
      authorization: `Bearer ${adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function read<T>(line: string, body?: unknown): Promise<T> {
  const response = await send(line, body);
  const text = await response.text();
  assert.ok(response.ok, text);
  return JSON.parse(text) as T;
}

test("owners are listed by name and shown with their keys and plans", async () => {
  for (const [owner, plan] of [
    ["b/ö", "pro"],
    ["a", "free"],
    ["a", "pro"],
    ["", "pro"],
  ]) {
    await read("POST /v1/keys", { plan, owner });
  }
  await send("DELETE /v1/keys/k_0002");
  assert.deepEqual(await read("GET /v1/owners?limit=1"), { owners: [{ owner: "a" }], next: "a" });
  const last = { owners: [{ owner: "b/ö" }], next: null };
  assert.deepEqual(await read("GET /v1/owners?limit=1&after=a"), last);
  assert.deepEqual(await read("GET /v1/owners/a"), {
    ...{ owner: "a", keys: 2, active: 1, plans: ["pro"], complete: true },
    since: "2026-11-21T12:00:00.000Z",
  });
  const name = encodeURIComponent("b/ö");
  assert.equal((await read<{ owner: string }>(`GET /v1/owners/${name}`)).owner, "b/ö");
  assert.equal((await send("GET /v1/owners/nobody")).status, 404);
});

test("one plan and one region are shown by their names", async () => {
  assert.equal((await read<{ name: string }>("GET /v1/plans/pro")).name, "pro");
  assert.equal((await read<{ health: string }>("GET /v1/regions/seoul")).health, "up");
  assert.equal((await send("GET /v1/plans/gold")).status, 404);
  assert.equal((await send("GET /v1/regions/mars")).status, 404);
});

const event = (n: number): EventDraft => {
  return { atMs: n, kind: "region", subject: "seoul", detail: n % 2 ? "down" : "up" };
};

test("events are paged, newest first", async () => {
  await fake.store.events.add([1, 2, 3].map(event));
  interface Page {
    readonly events: { readonly seq: number }[];
    readonly next: number | null;
  }
  const page = await read<Page>("GET /v1/events?limit=2&kind=region");
  assert.deepEqual([page.events.map(({ seq }) => seq), page.next], [[3, 2], 2]);
  const last = await read<Page>(`GET /v1/events?before=${page.next}&subject=seoul`);
  assert.deepEqual([last.events.map(({ seq }) => seq), last.next], [[1], null]);
  assert.equal((await read<Page>("GET /v1/events?kind=backup")).events.length, 0);
});

async function listen(headers: Record<string, string> = {}) {
  const accept = { accept: "text/event-stream", ...headers };
  const response = await send("GET /v1/events", undefined, accept);
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  const next = async (): Promise<string | undefined> => {
    const piece = await reader?.read();
    return piece?.value === undefined ? undefined : new TextDecoder().decode(piece.value);
  };
  return { response, next, cancel: () => reader?.cancel() };
}

/** A second of every timer; the reader's wish for more is told in between. */
async function second(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  fake.elapse(1_000);
}

test("the stream tells what happens from now on, or since the event last seen", async () => {
  await fake.store.events.add([1, 2].map(event));
  const stream = await listen();
  assert.match(stream.response.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.equal(await stream.next(), "retry: 1000\n\n");
  const pending = stream.next();
  await fake.store.events.add([event(3)]);
  await second();
  const at = "1970-01-01T00:00:00.003Z";
  const data = { seq: 3, kind: "region", subject: "seoul", detail: "down", at };
  assert.equal(await pending, `id: 3\ndata: ${JSON.stringify(data)}\n\n`);

  const again = await listen({ "last-event-id": "1" });
  await again.next();
  const missed = again.next();
  await second();
  assert.match((await missed) ?? "", /^id: 2\n.*\n\nid: 3\n/);
});

test("a stream ends when its token is revoked, and after its time", async () => {
  const made = await read<CreatedTokenJson>("POST /v1/tokens", { name: "dashboard" });
  const stream = await listen({ authorization: `Bearer ${made.token}` });
  await stream.next();
  const pending = stream.next();
  await send(`DELETE /v1/tokens/${made.id}`);
  await second();
  assert.equal(await pending, undefined);

  const other = await listen();
  await other.next();
  fake.elapse(listenMsMax);
  let rest: string | undefined;
  do rest = await other.next();
  while (rest !== undefined);
});

test("listeners are bounded, and one that goes makes room", async () => {
  const streams = [];
  for (let i = 0; i < listenersMax; i++) streams.push(await listen());
  assert.equal((await listen()).response.status, 503);
  await streams[0]?.cancel();
  const room = await listen();
  assert.equal(room.response.status, 200);
});

test("the configuration in force is shown by name, without what may be secret", async () => {
  const config = await read<ConfigJson>("GET /v1/config");
  assert.deepEqual(Object.keys(config).sort(), [
    ...["durability", "keys", "plans", "regions", "routes", "rulesVersion", "signup", "upstreams"],
  ]);
  assert.deepEqual(
    config.routes.map(({ path, target }) => [path, target]),
    [["/", "handler"]],
  );
});

const limits = "plans: { pro: { limits: [{ name: d, per: key, quota: 1, window: day }] } }";
const regions = "regions: { eu: { listen: 127.0.0.1:1, operations: 127.0.0.1:2 } }";

interface Checked {
  readonly ok: boolean;
  readonly problems: { readonly line: number; readonly path: string; readonly found: string }[];
  readonly rulesVersion: string | null;
}

test("a configuration is checked without being taken", async () => {
  const before = await read<ConfigJson>("GET /v1/config");
  const text = `version: 1\n${regions}\n${limits}\nroutes: [{ path: /, handler: ./any.ts }]\n`;
  const good = await read<Checked>("POST /v1/config/check", { text });
  assert.deepEqual([good.ok, good.problems], [true, []]);
  assert.notEqual(good.rulesVersion, before.rulesVersion);
  const wrong = text.replace("window: day", "window: 7h");
  const bad = await read<Checked>("POST /v1/config/check", { text: wrong });
  assert.deepEqual([bad.ok, bad.rulesVersion], [false, null]);
  assert.deepEqual(
    [bad.problems[0]?.line, bad.problems[0]?.path],
    [3, "plans.pro.limits[0].window"],
  );
  assert.deepEqual(await read("GET /v1/config"), before);
});

test("a check reads neither the environment nor files, and a large file is bounded", async () => {
  const text = `version: 1\nsignup: "\${PATH}"\n${regions}\n${limits}\nroutes: [{ path: /, handler: ./a.ts }]\n`;
  const unset = await read<Checked>("POST /v1/config/check", { text });
  assert.deepEqual([unset.ok, unset.problems.length], [false, 1]);
  assert.ok(!JSON.stringify(unset).includes(process.env["PATH"] ?? "/"));
  const variables = { PATH: "https://example.com/signup" };
  assert.equal((await read<Checked>("POST /v1/config/check", { text, variables })).ok, true);
  assert.equal((await send("POST /v1/config/check", { text: "x".repeat(300_000) })).status, 413);
  assert.equal((await send("POST /v1/config/check", { text: "x".repeat(200_001) })).status, 400);
});
