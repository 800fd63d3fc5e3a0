import assert from "node:assert/strict";
import { test } from "node:test";
import { createControl } from "./control.ts";
import { adminToken, createFakeHub, nowMs } from "./testing/fake-hub.ts";

interface Made {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly endedAt: string | null;
  readonly startedAt: string;
  /** Of a token. */
  readonly token: string;
}

function fixture() {
  const hub = createFakeHub();
  const app = createControl(hub.context);
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    const json = (isJson ? JSON.parse(text) : {}) as Made;
    return { response, status: response.status, json };
  };
  return { hub, app, ask };
}

const incident = {
  regions: ["sydney"],
  impact: "degraded",
  title: "Slow",
  text: "We look.\nSoon.",
};

test("an incident is made once, read, changed, updated and ended, with its entries of the audit log", async () => {
  const { hub, ask } = fixture();
  const once = { "idempotency-key": "abc" };
  const made = await ask("POST", "/v1/incidents", incident, once);
  const again = await ask("POST", "/v1/incidents", incident, once);
  assert.deepEqual([made.status, again.status, again.json], [201, 201, made.json]);
  const { id, startedAt } = made.json;
  assert.equal(startedAt, new Date(nowMs).toISOString());
  assert.equal(made.response.headers.get("location"), `/v1/incidents/${id}`);
  const path = `/v1/incidents/${id}`;
  const read = await ask("GET", path);
  assert.equal(read.response.headers.get("etag"), '"1"');
  const changed = await ask("PATCH", path, { title: "Very slow" }, { "if-match": '"1"' });
  assert.deepEqual([changed.status, changed.json.title], [200, "Very slow"]);
  const late = await ask("PATCH", path, { title: "x" }, { "if-match": '"1"' });
  assert.equal(late.status, 412);
  const done = await ask("POST", `${path}/updates`, { phase: "resolved", text: "Over." });
  assert.notEqual(done.json.endedAt, null);
  const list = await ask("GET", "/v1/incidents");
  assert.deepEqual(list.json, { incidents: [done.json] });
  const actions = hub.store.audit.after(0, 10).map(({ action, actor }) => `${actor} ${action}`);
  assert.deepEqual(
    actions.map((line) => line.split(" ")[1]),
    ["createIncident", "changeIncident", "updateIncident"],
  );
});

const refused: readonly [string, unknown, number][] = [
  ["an unknown field", { ...incident, origin: "probes" }, 400],
  ["a region that there is not", { ...incident, regions: ["db-internal-7"] }, 400],
  ["no title", { ...incident, title: "" }, 400],
  ["a long title", { ...incident, title: "x".repeat(201) }, 400],
  ["a line end in the title", { ...incident, title: "a\nb" }, 400],
  ["a long text", { ...incident, text: "x".repeat(1_001) }, 400],
  ["control characters", { ...incident, text: "a\u0000b" }, 400],
  ["an impact that there is not", { ...incident, impact: "terrible" }, 400],
  ["a time of another age", { ...incident, startedAt: "1999-01-01" }, 400],
  ["an end before the beginning", { ...incident, endedAt: "2026-11-20" }, 400],
];
for (const [what, body, status] of refused) {
  test(`${what} is refused, and leaves no entry`, async () => {
    const { hub, ask } = fixture();
    assert.equal((await ask("POST", "/v1/incidents", body)).status, status);
    assert.deepEqual(hub.store.audit.after(0, 10), []);
  });
}

test("a read-only token reads incidents and changes none; without a token there is nothing", async () => {
  const { app, ask } = fixture();
  const made = await ask("POST", "/v1/tokens", { name: "viewer", role: "read-only" });
  const authorization = `Bearer ${made.json.token}`;
  assert.equal((await ask("GET", "/v1/incidents", undefined, { authorization })).status, 200);
  assert.equal((await ask("POST", "/v1/incidents", incident, { authorization })).status, 403);
  assert.equal((await app.request("/v1/incidents")).status, 401);
});

test("an incident that there is not is 404, whatever is done with it", async () => {
  const { ask } = fixture();
  const path = "/v1/incidents/0123456789abcdef";
  const update = { phase: "resolved", text: "x" };
  const all = [
    await ask("GET", path),
    await ask("PATCH", path, { title: "x" }),
    await ask("POST", `${path}/updates`, update),
  ];
  assert.deepEqual(
    all.map(({ status }) => status),
    [404, 404, 404],
  );
});

test("everybody reads the status and the feed, from any site, and 304 while nothing changed", async () => {
  const { app, ask } = fixture();
  await ask("POST", "/v1/incidents", incident);
  for (const path of ["/status.json", "/status.atom"]) {
    const first = await app.request(path);
    assert.equal(first.status, 200);
    assert.equal(first.headers.get("access-control-allow-origin"), "*");
    assert.equal(first.headers.get("cache-control"), "no-cache");
    const tag = first.headers.get("etag") ?? "";
    const second = await app.request(path, { headers: { "if-none-match": `"x", W/${tag}` } });
    assert.deepEqual([second.status, await second.text()], [304, ""]);
    await ask("POST", "/v1/incidents", incident);
    assert.equal((await app.request(path, { headers: { "if-none-match": tag } })).status, 200);
  }
});

test("in the feed all that people wrote is text", async () => {
  const { app, ask } = fixture();
  const title = `</title><script>alert("1")</script> & 'x'`;
  await ask("POST", "/v1/incidents", { ...incident, title, text: "]]><b>\n\u{1f600}" });
  const xml = await (await app.request("/status.atom")).text();
  assert.ok(xml.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &apos;x&apos;"));
  assert.ok(xml.includes("]]&gt;&lt;b&gt;\n\u{1f600}"));
  assert.equal(xml.match(/<entry>/g)?.length, 1);
  const ids = [...xml.matchAll(/<id>urn:uuid:([0-9a-f-]+)<\/id>/g)].map(([, id]) => id);
  for (const id of ids)
    assert.match(id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, 2);
});

test("a hidden incident is neither in the status nor in the feed", async () => {
  const { app, ask } = fixture();
  const { json } = await ask("POST", "/v1/incidents", { ...incident, title: "A slip" });
  await ask("PATCH", `/v1/incidents/${json.id}`, { hidden: true });
  for (const path of ["/status.json", "/status.atom"]) {
    assert.ok(!(await (await app.request(path)).text()).includes("A slip"));
  }
});
