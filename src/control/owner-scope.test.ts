/** What a token that is good for one owner reaches, and that nothing else is. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import type { CreatedKeyJson, KeyListJson, PlanListJson } from "./schemas.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import type { AuditListJson, CreatedTokenJson } from "./token-schemas.ts";

let fake: FakeHub;
let app: ControlApp;
/** One of each owner, and tokens of acme's. */
let own: CreatedKeyJson;
let others: CreatedKeyJson;
let admin: string;
let reader: string;

beforeEach(async () => {
  fake = createFakeHub();
  app = createControl(fake.context);
  own = await read("POST /v1/keys", { plan: "pro", owner: "acme" });
  others = await read("POST /v1/keys", { plan: "free", owner: "globex" });
  admin = await createToken("admin");
  reader = await createToken("read-only");
});

async function createToken(role: string): Promise<string> {
  const body = { name: "acme", role, owner: "acme" };
  const { token, owner } = await read<CreatedTokenJson>("POST /v1/tokens", body);
  assert.equal(owner, "acme");
  return token;
}

async function send(line: string, body?: unknown, token = adminToken): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const headers = { authorization: `Bearer ${token}`, ...type };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return app.request(path, { method, headers, ...sent });
}

async function read<T>(line: string, body?: unknown, token?: string): Promise<T> {
  const response = await send(line, body, token);
  assert.ok(response.ok, `${line} ${response.status}`);
  return (await response.json()) as T;
}

test("another owner's key is not there, whatever is done with it", async () => {
  const before = structuredClone([...fake.keys]);
  for (const [line, body] of [
    ["GET /v1/keys/"],
    ["PATCH /v1/keys/", { name: "x" }],
    ["DELETE /v1/keys/"],
    ["POST /v1/keys/%/rotate", { overlap: "0s" }],
  ] as const) {
    const to = (id: string) => (line.includes("%") ? line.replace("%", id) : `${line}${id}`);
    const hidden = await send(to(others.id), body, admin);
    const unknown = await send(to("k_9999"), body, admin);
    assert.deepEqual([hidden.status, unknown.status], [404, 404], line);
    const [a, b] = [await hidden.json(), await unknown.json()] as Record<string, unknown>[];
    assert.deepEqual({ ...a, instance: "" }, { ...b, instance: "" });
  }
  assert.deepEqual([...fake.keys], before);
});

test("lists and reports hold the owner's only, and another cannot be asked for", async () => {
  for (const token of [admin, reader]) {
    const { keys } = await read<KeyListJson>("GET /v1/keys", undefined, token);
    assert.deepEqual(
      keys.map(({ id }) => id),
      [own.id],
    );
    for (const format of ["json", "csv"]) {
      await send(`GET /v1/usage?by=route&format=${format}`, undefined, token);
    }
    for (const path of ["keys?owner=globex", "usage?owner=globex"]) {
      assert.equal((await send(`GET /v1/${path}`, undefined, token)).status, 403, path);
    }
    assert.equal((await send("GET /v1/owners/acme", undefined, token)).status, 200);
    assert.equal((await send("GET /v1/owners/globex", undefined, token)).status, 404);
    const { plans } = await read<PlanListJson>("GET /v1/plans", undefined, token);
    assert.ok(plans.length > 0);
  }
  const asked = [...fake.queries, ...fake.reports].map(({ where }) => where);
  assert.equal(asked.length, 4);
  for (const where of asked) assert.deepEqual(where, { owner: "acme" });
});

test("what an owner's token makes is the owner's, and says so in the audit log", async () => {
  const made = await read<CreatedKeyJson>("POST /v1/keys", { plan: "pro" }, admin);
  assert.equal(made.owner, "acme");
  const { entries } = await read<AuditListJson>("GET /v1/audit?limit=1");
  assert.equal(entries[0]?.target, made.id);
  assert.match(entries[0]?.actor ?? "", /^t_/);
  assert.match(entries[0]?.change ?? "", /"owner":"acme"/);
  const refused = await send("POST /v1/keys", { plan: "pro", owner: "globex" }, admin);
  assert.equal(refused.status, 403);
  assert.equal((await send("POST /v1/keys", { plan: "pro" }, reader)).status, 403);
});

test("an owner's token gives no plan that the operator did not give the owner", async () => {
  assert.equal((await send("POST /v1/keys", { plan: "free" }, admin)).status, 403);
  assert.equal((await send(`PATCH /v1/keys/${own.id}`, { plan: "free" }, admin)).status, 403);
  await send(`PATCH /v1/keys/${own.id}`, { plan: "free" });
  assert.equal((await send("POST /v1/keys", { plan: "free" }, admin)).status, 201);
});

test("nothing else is open to an owner's token", async () => {
  const { paths } = (await (await app.request("/openapi.json")).json()) as {
    paths: Record<string, object>;
  };
  const open = /^\/v1\/(keys|usage|plans|owners\/\{owner\}|session)(\/|$)/;
  const lines = Object.entries(paths).flatMap(([path, item]) =>
    open.test(path) || !path.startsWith("/v1/")
      ? []
      : Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.ok(lines.length > 10);
  for (const line of [...lines, "GET /metrics", "GET /v1/keys/k_1/x", "GET /v1/owners"]) {
    const body = /^(POST|PUT)/.test(line) ? {} : undefined;
    const path = line.replace(/\{\w+\}/, "t_1");
    for (const token of [admin, reader]) {
      assert.equal((await send(path, body, token)).status, 403, line);
    }
  }
});
