import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { TallygateError } from "../base/errors.ts";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import type { ProblemJson } from "./problem.ts";
import type { CreatedKeyJson, KeyJson, KeyListJson } from "./schemas.ts";
import type { RegionListJson, StatusJson } from "./status-schemas.ts";
import { adminToken, createFakeHub, type FakeHub, verifyReport } from "./testing/fake-hub.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

interface Call {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

function isRaw(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === "string" || body instanceof Uint8Array;
}

async function send(line: string, { body, headers }: Call = {}): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  return app.request(path, {
    method,
    headers: {
      authorization: `Bearer ${adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw(body) ? body : JSON.stringify(body) }),
  });
}

async function read<T>(line: string, call: Call = {}, status = 200): Promise<T> {
  const response = await send(line, call);
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as T;
}

function createKey(headers: Record<string, string> = {}, body: object = { plan: "pro" }) {
  return read<CreatedKeyJson>("POST /v1/keys", { body, headers }, 201);
}

test("a key is made, listed, shown, changed, rotated and revoked; its secret is shown by two answers", async () => {
  const body = { plan: "pro", name: "shop", owner: "acme", expiresAt: "2027-01-01" };
  const made = await send("POST /v1/keys", { body });
  assert.equal(made.status, 201);
  const { key, ...shown } = (await made.json()) as CreatedKeyJson;
  assert.equal(made.headers.get("location"), `/v1/keys/${shown.id}`);
  assert.equal(made.headers.get("cache-control"), "no-store");
  assert.match(key, /^ipd_live_/);
  assert.equal(shown.createdAt, "2026-11-21T12:00:00.000Z");
  assert.equal(shown.expiresAt, "2027-01-01T00:00:00.000Z");

  assert.deepEqual(await read<KeyListJson>("GET /v1/keys"), { keys: [shown], next: null });
  assert.deepEqual(await read<KeyJson>(`GET /v1/keys/${shown.id}`), shown);

  const change = { body: { expiresAt: null, restrict: { referers: ["example.com"] } } };
  const changed = await read<KeyJson>(`PATCH /v1/keys/${shown.id}`, change);
  assert.equal(changed.expiresAt, null);
  assert.equal(changed.name, "shop");
  assert.deepEqual(changed.restrict, { referers: ["example.com"], addresses: [], routes: [] });
  const more = { body: { restrict: { routes: ["/"] } } };
  const again = await read<KeyJson>(`PATCH /v1/keys/${shown.id}`, more);
  assert.deepEqual(again.restrict.referers, ["example.com"], "a list left out stays");

  const rotate = { body: { overlap: "1h" } };
  const rotated = await read<CreatedKeyJson>(`POST /v1/keys/${shown.id}/rotate`, rotate, 201);
  assert.equal(rotated.id, shown.id);
  assert.notEqual(rotated.key, key);
  assert.equal(rotated.credentials[0]?.expiresAt, "2026-11-21T13:00:00.000Z");
  const byDefault = await read<CreatedKeyJson>(`POST /v1/keys/${shown.id}/rotate`, {}, 201);
  assert.equal(byDefault.credentials[0]?.expiresAt, "2026-11-22T12:00:00.000Z");

  for (let i = 0; i < 2; i++) {
    assert.equal((await read<KeyJson>(`DELETE /v1/keys/${shown.id}`)).revoked, true);
  }
  const log = fake.logged.join("\n");
  for (const secret of [key, rotated.key, adminToken]) assert.ok(!log.includes(secret));
});

test("pages of keys lead from one to the next and end", async () => {
  for (let i = 0; i < 5; i++) await createKey({}, { plan: "pro", owner: i < 4 ? "acme" : "" });
  const seen: string[] = [];
  let next: string | null = "";
  while (next !== null) {
    const after: string = next === "" ? "" : `&after=${next}`;
    const page: KeyListJson = await read(`GET /v1/keys?limit=2&owner=acme${after}`);
    seen.push(...page.keys.map((key) => key.id));
    next = page.next;
  }
  assert.deepEqual(seen, ["k_0001", "k_0002", "k_0003", "k_0004"]);
});

test("a key that has changed since it was read is not changed by If-Match", async () => {
  const { id } = await createKey();
  const response = await send(`GET /v1/keys/${id}`);
  const tag = response.headers.get("etag") ?? "";
  assert.equal(tag, '"1"');
  const change = { body: { name: "new" }, headers: { "if-match": tag } };
  const [first, second] = await Promise.all([
    send(`PATCH /v1/keys/${id}`, change),
    send(`PATCH /v1/keys/${id}`, change),
  ]);
  assert.deepEqual([first.status, second.status], [200, 412]);
  assert.equal(second.headers.get("etag"), '"2"');
  const stale = { headers: { "if-match": tag } };
  assert.equal((await send(`DELETE /v1/keys/${id}`, stale)).status, 412);
  const listed = { headers: { "if-match": '"1", "2"' } };
  assert.equal((await send(`DELETE /v1/keys/${id}`, listed)).status, 200);
});

const refused: readonly (readonly [string, string, Call, number, RegExp])[] = [
  ["no token", "GET /v1/keys", { headers: { authorization: "" } }, 401, /token/],
  ["a wrong token", "GET /v1/keys", { headers: { authorization: "Bearer nope" } }, 401, /token/],
  ["another scheme", "GET /v1/keys", { headers: { authorization: "Basic eDp5" } }, 401, /token/],
  ["no token where nothing is", "GET /v1/no", { headers: { authorization: "" } }, 401, /token/],
  ["an unknown path", "GET /v1/no", {}, 404, /nothing at this path/],
  ["a wrong method", "PUT /v1/keys", {}, 405, /GET, HEAD, POST|POST, GET, HEAD/],
  ["an unknown key", "GET /v1/keys/k_none", {}, 404, /no key/],
  ["a change of an unknown key", "PATCH /v1/keys/k_none", { body: { name: "" } }, 404, /no key/],
  ["a rotation of an unknown key", "POST /v1/keys/k_none/rotate", {}, 404, /no key/],
  ["no key id", "GET /v1/keys/1", {}, 400, /^param\.id: /],
  ["an unknown plan", "POST /v1/keys", { body: { plan: "gold" } }, 400, /no plan "gold"/],
  [
    "an unknown field",
    "POST /v1/keys",
    { body: { plan: "pro", colour: 1 } },
    400,
    /^body\.colour: /,
  ],
  ["no plan", "POST /v1/keys", { body: {} }, 400, /^body\.plan: /],
  [
    "a long name",
    "POST /v1/keys",
    { body: { plan: "pro", name: "ä".repeat(65) } },
    400,
    /128 bytes/,
  ],
  [
    "a past expiry",
    "POST /v1/keys",
    { body: { plan: "pro", expiresAt: "2020-01-01" } },
    400,
    /past/,
  ],
  ["half a time", "POST /v1/keys", { body: { plan: "pro", expiresAt: "12:00" } }, 400, /ISO 8601/],
  ["an empty change", "PATCH /v1/keys/k_a", { body: {} }, 400, /at least one field/],
  ["a long overlap", "POST /v1/keys/k_a/rotate", { body: { overlap: "93d" } }, 400, /at most 92d/],
  ["no JSON", "POST /v1/keys", { body: "{" }, 400, /not valid JSON/],
  [
    "no UTF-8",
    "POST /v1/keys",
    { body: Buffer.from('{"plan": "\xff"}', "latin1") },
    400,
    /not valid JSON/,
  ],
  ["half a pair", "POST /v1/keys", { body: { plan: "pro", name: "\ud800" } }, 400, /surrogate/],
  [
    "another type",
    "POST /v1/keys",
    { body: "a=1", headers: { "content-type": "text/plain" } },
    415,
    /application\/json/,
  ],
  ["a large body", "POST /v1/keys", { body: { plan: "x".repeat(65_536) } }, 413, /65536/],
  ["an unknown parameter", "GET /v1/keys?colour=red", {}, 400, /^query\.colour: /],
  ["a limit of 0", "GET /v1/keys?limit=0", {}, 400, /^query\.limit: a whole number from 1/],
  ["an unknown dimension", "GET /v1/usage?by=colour", {}, 400, /^query\.by: /],
  ["a time backwards", "GET /v1/usage?from=2026-11-02&to=2026-11-01", {}, 400, /before/],
  ["a made-up cursor", "GET /v1/usage?cursor=-1", {}, 400, /cursor/],
];

for (const [what, line, call, status, detail] of refused) {
  test(`${what} is a problem ${status}`, async () => {
    const response = await send(line, call);
    const body = (await response.json()) as ProblemJson;
    assert.equal(response.status, status, body.detail);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(body.status, status);
    assert.match(body.detail, detail);
    assert.equal(body.instance, response.headers.get("x-request-id"));
    assert.ok(body.type.length > 0 && body.title.length > 0);
    assert.equal(fake.keys.size, 0);
  });
}

test("a body just within the limit is read", async () => {
  const body = `{"plan":"pro"${" ".repeat(65_536 - 14)}}`;
  assert.equal(new TextEncoder().encode(body).length, 65_536);
  assert.equal((await send("POST /v1/keys", { body })).status, 201);
});

test("a bug is 500 with nothing of it in the answer, an operating failure 503 with its sentence", async () => {
  fake.verify = () => Promise.reject(new Error("the bug's own words"));
  const bug = await send("POST /v1/verify");
  assert.equal(bug.status, 500);
  assert.ok(!(await bug.text()).includes("own words"));
  fake.verify = () => Promise.reject(new TallygateError("ledger-failed", "The disk is full."));
  const failure = await send("POST /v1/verify");
  assert.equal(failure.status, 503);
  const { code, detail } = (await failure.json()) as ProblemJson;
  assert.deepEqual([code, detail], ["ledger-failed", "The disk is full."]);
});

test("the same Idempotency-Key makes one key and shows it again, for 24 hours", async () => {
  const headers = { "idempotency-key": "4f2c" };
  const first = await createKey(headers);
  const again = await send("POST /v1/keys", { body: { plan: "pro" }, headers });
  assert.deepEqual(await again.json(), first);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  assert.equal(fake.keys.size, 1);
  assert.ok(!fake.logged.join("\n").includes(first.key), "the answer is stored encrypted only");

  const other = await send("POST /v1/keys", { body: { plan: "free" }, headers });
  assert.equal(other.status, 422);
  assert.equal(fake.keys.size, 1);

  fake.clockMs += 86_400_000;
  assert.notEqual((await createKey(headers)).id, first.id);
});

test("a repetition while the first request runs, and one after the token changed, are refused with 409", async () => {
  const headers = { "idempotency-key": "4f2c" };
  const body = { plan: "pro" };
  const both = await Promise.all([
    send("POST /v1/keys", { body, headers }),
    send("POST /v1/keys", { body, headers }),
  ]);
  assert.deepEqual(
    both.map(({ status }) => status),
    [201, 409],
  );
  fake.token = "another-token-altogether";
  const authorization = `Bearer ${fake.token}`;
  const after = await send("POST /v1/keys", { body, headers: { ...headers, authorization } });
  assert.equal(after.status, 409);
  assert.equal(fake.keys.size, 1);
});

test("an Idempotency-Key of a request that failed is free again", async () => {
  const headers = { "idempotency-key": "4f2c" };
  assert.equal((await send("POST /v1/keys", { body: { plan: "gold" }, headers })).status, 400);
  await createKey(headers);
});

test("an interrupted request is not repeated", async () => {
  const headers = { "idempotency-key": "4f2c" };
  const { registry } = fake.context.hub;
  const { create } = registry;
  // A hub that dies in between never gets past this point.
  registry.create = () => new Promise(() => {});
  void send("POST /v1/keys", { body: { plan: "pro" }, headers });
  await new Promise((resolve) => setImmediate(resolve));
  registry.create = create;
  app = createControl(fake.context);
  const response = await send("POST /v1/keys", { body: { plan: "pro" }, headers });
  assert.equal(response.status, 409);
  assert.match(((await response.json()) as ProblemJson).detail, /interrupted/);
});

test("a region is up with all its processes well, degraded with some, down with none", async () => {
  const healths = async () => {
    const { regions } = await read<RegionListJson>("GET /v1/regions");
    return regions.map(({ name, health }) => `${name} ${health}`);
  };
  assert.deepEqual(await healths(), ["sydney up", "seoul up"]);
  const [sydney, seoul] = fake.processes;
  assert.ok(sydney !== undefined && seoul !== undefined);
  fake.processes = [
    { ...sydney, heardAgoMs: 3_001 },
    seoul,
    { ...seoul, process: 1, connected: false },
  ];
  assert.deepEqual(await healths(), ["sydney down", "seoul up"]);
  fake.processes = [{ ...sydney, region: "perth", journalState: "full" }];
  assert.deepEqual(await healths(), ["sydney down", "seoul down", "perth down"]);
});

test("status says what the hub says, plans what the configuration says", async () => {
  const status = await read<StatusJson>("GET /v1/status");
  assert.equal(status.time, "2026-11-21T12:00:00.000Z");
  assert.equal(status.backup, null);
  assert.deepEqual(status.regions[0]?.processes[0]?.watermarks, [{ incarnation: "00", seq: 3 }]);
  const { plans } = await read<{ plans: { name: string; anonymous: boolean }[] }>("GET /v1/plans");
  assert.deepEqual(
    plans.map(({ name, anonymous }) => [name, anonymous]),
    [
      ["pro", false],
      ["free", true],
    ],
  );
});

test("a verification of minutes keeps its connection with spaces, and a late failure is a report", async () => {
  let finish = (_: typeof verifyReport): void => {};
  let fail = (_: Error): void => {};
  fake.verify = () =>
    new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  for (const end of ["finishes", "fails"]) {
    const pending = send("POST /v1/verify");
    await new Promise((resolve) => setImmediate(resolve));
    fake.elapse(15_000);
    const response = await pending;
    assert.equal(response.status, 200);
    fake.elapse(15_000);
    if (end === "finishes") finish(verifyReport);
    else fail(new Error("secret words"));
    const text = await response.text();
    assert.match(text, /^ {2,3}\{/);
    const report = JSON.parse(text) as typeof verifyReport;
    assert.equal(report.ok, end === "finishes");
    assert.ok(!text.includes("secret words"));
  }
});

test("a backup comes with its length and position", async () => {
  const response = await send("POST /v1/backup");
  assert.equal(response.headers.get("content-length"), "8");
  assert.equal(response.headers.get("x-tallygate-position"), "7");
  assert.equal(await response.text(), "a backup");
});

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, object>;
}

test("health and the OpenAPI document need no token; the document names every route", async () => {
  const headers = { authorization: "" };
  assert.equal((await send("GET /health/live", { headers })).status, 200);
  assert.equal((await send("GET /health/ready", { headers })).status, 200);
  fake.notReady = "The hub is reading.";
  const notReady = await send("GET /health/ready", { headers });
  assert.equal(notReady.status, 503);
  assert.equal(((await notReady.json()) as ProblemJson).detail, "The hub is reading.");
  const { openapi, paths, ...rest } = await read<Document>("GET /v1/openapi.json", { headers });
  assert.equal(openapi, "3.1.0");
  const routes = Object.entries(paths).map(
    ([path, methods]) => `${path} ${Object.keys(methods).join()}`,
  );
  assert.deepEqual(await read("GET /openapi.json", { headers }), { openapi, paths, ...rest });
  assert.deepEqual(routes.sort(), [
    "/status.atom get",
    "/status.json get",
    "/v1/audit get",
    "/v1/audit/check get",
    "/v1/backup post",
    "/v1/config get",
    "/v1/config/check post",
    "/v1/config/release post",
    "/v1/config/versions post,get",
    "/v1/config/versions/{number} get",
    "/v1/config/versions/{number}/rollback post",
    "/v1/events get",
    "/v1/incidents get,post",
    "/v1/incidents/{id} get,patch",
    "/v1/incidents/{id}/updates post",
    "/v1/keys post,get",
    "/v1/keys/{id} get,patch,delete",
    "/v1/keys/{id}/rotate post",
    "/v1/leases/lift-fence post",
    "/v1/live get",
    "/v1/near-limits get",
    "/v1/outcomes get",
    "/v1/owners get",
    "/v1/owners/{owner} get",
    "/v1/plans get",
    "/v1/plans/{name} get",
    "/v1/regions get",
    "/v1/regions/{name} get",
    "/v1/session post,delete,get",
    "/v1/status get",
    "/v1/tokens post,get",
    "/v1/tokens/{id} get,delete",
    "/v1/usage get",
    "/v1/verify post",
  ]);
});
