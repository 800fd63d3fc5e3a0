import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import type { ProblemJson } from "./problem.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import { wrongTokenEveryMs, wrongTokensMax } from "./token-attempts.ts";
import type {
  AuditCheckJson,
  AuditListJson,
  CreatedTokenJson,
  TokenJson,
  TokenListJson,
} from "./token-schemas.ts";
import { tokensMax } from "./tokens.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

interface Call {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

async function send(line: string, call: Call = {}): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const { token = adminToken, body, headers = {}, address } = call;
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const init = { method, headers: { authorization: `Bearer ${token}`, ...type, ...headers } };
  const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
  return app.request(path, sent, { address });
}

async function read<T>(line: string, call: Call = {}, status = 200): Promise<T> {
  const response = await send(line, call);
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as T;
}

function createToken(body: object = { name: "grafana" }, headers = {}) {
  return read<CreatedTokenJson>("POST /v1/tokens", { body, headers }, 201);
}

test("a token is made, listed, shown and revoked; only its hash is kept", async () => {
  const { token, ...shown } = await createToken({ name: "ci", role: "admin" });
  assert.match(token, /^tgt_[0-9A-Za-z]{49}$/);
  assert.match(shown.id, /^t_/);
  assert.deepEqual(await read<TokenListJson>("GET /v1/tokens", { token }), { tokens: [shown] });
  assert.deepEqual(await read<TokenJson>(`GET /v1/tokens/${shown.id}`), shown);
  const kept = JSON.stringify([...fake.store.storedTokens.values(), fake.store.entries]);
  assert.ok(!`${kept}${fake.logged.join()}`.includes(token));
  assert.equal((await send(`DELETE /v1/tokens/${shown.id}`)).status, 204);
  assert.equal((await send("GET /v1/tokens", { token })).status, 401);
  assert.equal((await send(`DELETE /v1/tokens/${shown.id}`)).status, 404);
  assert.equal((await send(`GET /v1/tokens/${shown.id}`)).status, 404);
});

test("a token made before a restart works after it, one revoked before does not", async () => {
  const kept = await createToken();
  const ended = await createToken();
  await send(`DELETE /v1/tokens/${ended.id}`);
  app = createControl(fake.context);
  assert.equal((await send("GET /v1/status", { token: kept.token })).status, 200);
  assert.equal((await send("GET /v1/status", { token: ended.token })).status, 401);
});

test("a token ends at the instant of its expiry", async () => {
  const { token, id } = await createToken({ name: "a", expiresAt: "2026-11-22T00:00:00Z" });
  fake.clockMs = Date.UTC(2026, 10, 22) - 1;
  assert.equal((await send("GET /v1/status", { token })).status, 200);
  fake.clockMs++;
  assert.equal((await send("GET /v1/status", { token })).status, 401);
  assert.equal((await read<TokenJson>(`GET /v1/tokens/${id}`)).expired, true);
});

test("the same Idempotency-Key makes one token, and is another principal's own", async () => {
  const headers = { "idempotency-key": "4f2c" };
  const first = await createToken({ name: "ci", role: "admin" }, headers);
  assert.deepEqual(await createToken({ name: "ci", role: "admin" }, headers), first);
  const call = { token: first.token, headers, body: { name: "ci", role: "admin" } };
  const other = await read<CreatedTokenJson>("POST /v1/tokens", call, 201);
  assert.notEqual(other.id, first.id);
});

test("tokens are bounded in number", async () => {
  const audit = { atMs: 0, actor: "", action: "", target: "", request: "", change: "" };
  for (let i = 0; i < tokensMax - 1; i++) {
    const numbers = { createdAtMs: i, expiresAtMs: 0 };
    const token = {
      id: `t_${i}`,
      name: "",
      role: "admin",
      owner: "",
      hash: `${i}`,
      ...numbers,
    } as const;
    await fake.store.tokens.add(token, audit);
  }
  await createToken();
  assert.equal((await send("POST /v1/tokens", { body: { name: "x" } })).status, 409);
});

function idFor(path: string): string {
  if (path.startsWith("/v1/incidents")) return "0123456789abcdef";
  return path.startsWith("/v1/tokens") ? "t_1" : "k_1";
}

/** What is public. */
const open = ["GET /status.json", "GET /status.atom"];

/** Every operation of the document with values for its parameters, but log-in and log-out, which are tested by themselves. */
async function operations(): Promise<{ line: string; method: string; path: string }[]> {
  const { paths } = await read<{ paths: Record<string, object> }>("GET /openapi.json");
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).flatMap((name) => {
      const method = name.toUpperCase();
      if (path === "/v1/session" && method !== "GET") return [];
      return {
        method,
        path,
        line: `${method} ${path.replace("{id}", idFor(path)).replace("{number}", "1")}`,
      };
    }),
  );
}

test("a read-only token reads everything and changes nothing", async () => {
  const { token } = await createToken();
  const entries = fake.store.entries.length;
  for (const { line, method } of await operations()) {
    const { status } = await send(line, { token, ...(method === "POST" ? { body: {} } : {}) });
    // The text of a configuration is for admins.
    const isAdmins = line === "GET /v1/config/versions/1";
    if (method === "GET" && !isAdmins) assert.ok([200, 404].includes(status), `${line} ${status}`);
    else assert.equal(status, 403, line);
  }
  const refusal = await send("POST /v1/keys", { token, body: { plan: "pro" } });
  const body = (await refusal.json()) as ProblemJson;
  assert.deepEqual([body.status, body.code], [403, "forbidden"]);
  assert.match(refusal.headers.get("www-authenticate") ?? "", /insufficient_scope/);
  assert.equal((await send("GET /metrics", { token })).status, 200);
  assert.equal(fake.store.entries.length, entries);
  assert.equal(fake.keys.size, 0);
});

test("no operation but log-in, health, the document and the public status answers without a token", async () => {
  for (const { line } of await operations()) {
    if (open.includes(line)) continue;
    assert.equal(
      (await app.request(line.split(" ")[1] ?? "", { method: line.split(" ")[0] ?? "" })).status,
      401,
      line,
    );
  }
});

/** What changes nothing, though it is no GET. */
const unchanging = ["POST /v1/verify", "POST /v1/config/check"];

test("every change leaves one audit entry that says who and what", async () => {
  const { token, id: actor } = await createToken({ name: "ci", role: "admin" });
  const key = await read<{ id: string }>("POST /v1/keys", { token, body: { plan: "pro" } }, 201);
  const other = await createToken();
  const bodies: Record<string, unknown> = {
    "POST /v1/keys": { plan: "pro", name: "shop" },
    "PATCH /v1/keys/{id}": { name: "=1+1" },
    "POST /v1/keys/{id}/rotate": { overlap: "0s" },
    "POST /v1/tokens": { name: "x" },
    "POST /v1/config/versions": { text: "version: 1" },
    "POST /v1/incidents": { impact: "down", title: "x", text: "y" },
    "PATCH /v1/incidents/{id}": { title: "z" },
    "POST /v1/incidents/{id}/updates": { phase: "monitoring", text: "y" },
  };
  const incident = await fake.context.status.incidents.open({
    ...{ regions: [], impact: "down", title: "x", phase: "identified", text: "y" },
    ...{ startedAtMs: fake.clockMs, endedAtMs: 0 },
  });
  const ids: Record<string, string> = { tokens: other.id, keys: key.id, incidents: incident.id };
  // Revoked last.
  const changes = (await operations())
    .filter(({ method, path }) => method !== "GET" && !unchanging.includes(`${method} ${path}`))
    .sort((a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"));
  assert.ok(changes.length >= 8);
  for (const { method, path } of changes) {
    const before = fake.store.entries.length;
    const id = ids[path.split("/")[2] ?? ""] ?? "";
    const body = bodies[`${method} ${path}`];
    const line = `${method} ${path.replace("{id}", id).replace("{number}", "1")}`;
    const response = await send(line, { token, body });
    assert.ok(response.ok, `${method} ${path} ${await response.clone().text()}`);
    const [entry, ...more] = fake.store.entries.slice(before);
    assert.equal(more.length, 0, path);
    assert.equal(entry?.actor, actor, path);
    assert.equal(entry?.request, response.headers.get("x-request-id"));
    assert.equal(path.includes("{id}") ? entry?.target : id, id);
  }
  const named = await read<AuditListJson>(`GET /v1/audit?target=${key.id}&limit=2`);
  assert.deepEqual(
    named.entries.map(({ action }) => action),
    ["revokeKey", "rotateKey"],
  );
  const rest = await read<AuditListJson>(`GET /v1/audit?target=${key.id}&before=${named.next}`);
  assert.deepEqual(
    rest.entries.map(({ action, change }) => [action, JSON.parse(change) as unknown][0]),
    ["changeKey", "createKey"],
  );
  assert.equal(rest.next, null);
  assert.equal(
    (await read<AuditListJson>(`GET /v1/audit?actor=${actor}`)).entries.length,
    1 + changes.length,
  );
});

test("a refused change and a repetition leave no entry", async () => {
  const headers = { "idempotency-key": "4f2c" };
  await send("POST /v1/keys", { body: { plan: "pro" }, headers });
  await send("POST /v1/keys", { body: { plan: "pro" }, headers });
  await send("POST /v1/keys", { body: { plan: "gold" } });
  await send("DELETE /v1/keys/k_none");
  assert.equal(fake.store.entries.length, 1);
});

test("the check of the audit log names the first entry that was changed, and a cut end", async () => {
  for (let i = 0; i < 1_200; i++) {
    const rest = { target: "", request: "", change: "{}" };
    await fake.store.audit.append({ atMs: i, actor: "admin", action: "x", ...rest });
  }
  const check = async (query = ""): Promise<AuditCheckJson> => {
    const pending = read<AuditCheckJson>(`GET /v1/audit/check${query}`);
    for (let i = 0; i < 9; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      fake.elapse(0);
    }
    return pending;
  };
  const whole = await check();
  assert.deepEqual([whole.ok, whole.entries, whole.firstBroken], [true, 1_200, null]);
  assert.ok(whole.head !== null);
  const noted = `?seq=${whole.head.seq}&hash=${whole.head.hash}`;
  assert.deepEqual([(await check(noted)).ok, (await check(noted)).noted], [true, true]);

  const { entries } = fake.store;
  const last = entries.pop();
  const cut = await check(noted);
  assert.deepEqual([cut.ok, cut.firstBroken, cut.noted], [false, null, false]);
  if (last !== undefined) entries.push(last);

  const victim = entries[700];
  assert.ok(victim !== undefined);
  entries[700] = { ...victim, actor: "t_somebody" };
  assert.equal((await check()).firstBroken, 701);
  entries[700] = victim;
  entries.splice(700, 1);
  assert.deepEqual([(await check()).ok, (await check()).firstBroken], [false, 702]);
});

test("wrong tokens from one address are limited, and then the right one is refused too", async () => {
  const address = "203.0.113.7";
  for (let i = 0; i < wrongTokensMax; i++) {
    assert.equal((await send("GET /v1/status", { token: `guess-${i}`, address })).status, 401);
  }
  const held = await send("GET /v1/status", { address });
  assert.equal(held.status, 429);
  assert.equal(held.headers.get("retry-after"), "3");
  assert.equal(((await held.json()) as ProblemJson).code, "too-many-attempts");
  assert.equal((await send("GET /v1/status", { address: "203.0.113.8" })).status, 200);
  fake.clockMs += wrongTokenEveryMs;
  assert.equal((await send("GET /v1/status", { address })).status, 200);
});
