/** What somebody with a token may try beyond what the token is for; and somebody without one. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import type { CreatedKeyJson, KeyJson, KeyListJson } from "./schemas.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

function send(line: string, body?: string, headers: Record<string, string> = {}) {
  const [method = "", path = ""] = line.split(" ");
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const all = { authorization: `Bearer ${adminToken}`, ...type, ...headers };
  return app.request(path, { method, headers: all, ...(body === undefined ? {} : { body }) });
}

async function createKey(owner: string): Promise<CreatedKeyJson> {
  const response = await send("POST /v1/keys", JSON.stringify({ plan: "pro", owner }));
  return (await response.json()) as CreatedKeyJson;
}

/** Fields that are not the caller's to say. */
const foreign = {
  ...{ id: "k_0009", key: "ipd_live_chosen", hash: "00", version: 99, revoked: false },
  ...{
    createdAt: "2020-01-01T00:00:00Z",
    credentials: [],
    anchorDay: 1,
    quota: 10 ** 9,
    role: "admin",
  },
};

for (const [field, value] of Object.entries(foreign)) {
  test(`mass assignment: \`${field}\` is refused in a new key and in a change`, async () => {
    const { id } = await createKey("acme");
    const before = structuredClone([...fake.keys]);
    const made = await send("POST /v1/keys", JSON.stringify({ plan: "pro", [field]: value }));
    assert.equal(made.status, 400);
    const changed = await send(
      `PATCH /v1/keys/${id}`,
      JSON.stringify({ name: "x", [field]: value }),
    );
    assert.equal(changed.status, 400);
    assert.deepEqual([...fake.keys], before);
  });
}

test("mass assignment: a key's owner stays, prototypes and nested fields are refused", async () => {
  const { id } = await createKey("acme");
  const bodies = [
    '{"owner": "globex"}',
    '{"name": "x", "__proto__": {"plan": "free"}}',
    '{"name": "x", "constructor": {"prototype": {"plan": "free"}}}',
    '{"restrict": {"referers": [], "admin": true}}',
  ];
  for (const body of bodies)
    assert.equal((await send(`PATCH /v1/keys/${id}`, body)).status, 400, body);
  const token = '{"name": "x", "id": "t_1", "token": "tgt_chosen", "hash": "00"}';
  assert.equal((await send("POST /v1/tokens", token)).status, 400);
  assert.equal(({} as { plan?: string }).plan, undefined);
  assert.equal(fake.keys.get(id)?.owner, "acme");
});

const unread = [
  "GET /v1/status?verbose=1",
  "GET /v1/plans?all=1",
  "GET /v1/regions?name=seoul",
  "GET /v1/keys/k_0001?expand=secret",
  "GET /v1/tokens?secret=1",
  "GET /v1/audit?sql=1",
  "GET /v1/usage?by=key&by=owner",
  "GET /v1/keys?owner=acme&owner=globex",
  "DELETE /v1/keys/k_0001?dry=1",
  "POST /v1/verify?force=1",
  "POST /v1/backup?path=x.db",
  "POST /v1/leases/lift-fence?all=1",
];

for (const line of unread) {
  test(`a parameter that is not known, or given twice, is refused: ${line}`, async () => {
    await createKey("acme");
    const response = await send(line);
    assert.equal(response.status, 400, await response.text());
    assert.equal(fake.keys.get("k_0001")?.revoked, false);
  });
}

for (const path of ["/v1/verify", "/v1/backup", "/v1/leases/lift-fence"]) {
  test(`a body where none belongs is refused: ${path}`, async () => {
    assert.equal((await send(`POST ${path}`, '{"file": "/etc/passwd"}')).status, 400);
  });
}

test("a body that is not declared as JSON is refused, not passed over", async () => {
  const { id } = await createKey("acme");
  const headers = { "content-type": "text/plain" };
  const rotated = await send(`POST /v1/keys/${id}/rotate`, '{"overlap": "0s"}', headers);
  assert.equal(rotated.status, 415);
  assert.equal(fake.keys.get(id)?.credentials.length, 1);
});

test("another owner's keys are in no list of an owner, wherever its page begins", async () => {
  const [first] = [await createKey("acme"), await createKey("globex"), await createKey("acme2")];
  const list = async (query: string): Promise<string[]> => {
    const { keys } = (await (await send(`GET /v1/keys?${query}`)).json()) as KeyListJson;
    return keys.map(({ owner }) => owner);
  };
  assert.deepEqual(await list("owner=acme"), ["acme"]);
  assert.deepEqual(await list(`owner=globex&after=${first?.id}`), ["globex"]);
  assert.deepEqual(await list("owner=acme%25"), []);
  assert.deepEqual(await list("owner='%20OR%201=1"), []);
  const shown = (await (await send("GET /v1/keys/k_0002")).json()) as KeyJson;
  assert.ok(!("key" in shown) && !JSON.stringify(shown).includes("ipd_live"));
});

const paths = [
  "/v1/keys/../tokens",
  "/v1/keys/..%2ftokens",
  "/v1/keys/%2e%2e/%2e%2e/etc/passwd",
  "/v1/keys/k_0001%00",
  "/v1/keys/k_0001%2f..%2fk_0002",
  "/v1//tokens",
  "/v1/tokens/",
  "/V1/tokens",
  "//v1/tokens",
  "/v1/keys/%ff",
  "/v1/owners/%ff",
  "/v1/owners/..%2f..%2fetc%2fpasswd",
  "/v1/plans/__proto__",
  "/v1/regions/constructor",
  "/v1/./tokens",
  "/openapi.json/../v1/tokens",
  "/health/live/..%2f..%2fv1%2ftokens",
];

for (const path of paths) {
  test(`a path leads nowhere but where it says: ${path}`, async () => {
    await createKey("acme");
    const withToken = await send(`GET ${path}`);
    const { pathname } = new URL(path.replace(/^\/\//, "/x/"), "http://hub");
    if (pathname !== "/v1/tokens") assert.ok([400, 404].includes(withToken.status), path);
    const without = await send(`GET ${path}`, undefined, { authorization: "" });
    assert.ok([401, 404].includes(without.status), `${path} ${without.status}`);
  });
}

test("a token in the query, in a cookie or as Basic opens nothing", async () => {
  const none = { authorization: "" };
  const basic = Buffer.from(`admin:${adminToken}`).toString("base64");
  const tried = [
    send(`GET /v1/tokens?token=${adminToken}`, undefined, none),
    send(`GET /v1/tokens?access_token=${adminToken}`, undefined, none),
    send("GET /v1/tokens", undefined, { ...none, cookie: `token=${adminToken}` }),
    send("GET /v1/tokens", undefined, { authorization: `Basic ${basic}` }),
    send("GET /v1/tokens", undefined, { ...none, "x-api-key": adminToken }),
  ];
  for (const response of await Promise.all(tried)) assert.equal(response.status, 401);
});

test("a caller's key is no token", async () => {
  const { key } = await createKey("acme");
  const response = await send("GET /v1/status", undefined, { authorization: `Bearer ${key}` });
  assert.equal(response.status, 401);
});

const scripts = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "</script><svg onload=alert(1)>",
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
];

test("stored scripts: what was given as a name comes back as data, and no answer is a page", async () => {
  for (const script of scripts) {
    const body = JSON.stringify({ plan: "pro", name: script, owner: script });
    const { id } = (await (await send("POST /v1/keys", body)).json()) as CreatedKeyJson;
    fake.rows = [{ ...nothing, value: script }];
    for (const line of [
      `GET /v1/keys/${id}`,
      "GET /v1/keys",
      `GET /v1/owners/${encodeURIComponent(script)}`,
      "GET /v1/usage?by=owner",
      "GET /v1/usage?by=owner&format=csv",
      "GET /v1/audit",
      `GET /v1/${encodeURIComponent(script)}`,
      `GET /v1/keys/${encodeURIComponent(script)}`,
      `GET /v1/usage?by=${encodeURIComponent(script)}`,
    ]) {
      const response = await send(line, undefined, { "user-agent": script, referer: script });
      assert.equal(response.headers.get("x-content-type-options"), "nosniff", line);
      const type = response.headers.get("content-type") ?? "";
      assert.match(type, /^(application\/(problem\+)?json|text\/csv)/, line);
      if (type.startsWith("text/csv")) {
        assert.match(response.headers.get("content-disposition") ?? "", /^attachment/);
      } else JSON.parse(await response.text());
    }
    const key = (await (await send(`GET /v1/keys/${id}`)).json()) as KeyJson;
    assert.equal(key.name, script);
  }
});

const nothing = { window: "", calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0 };

for (const query of [
  "keys?limit=1000000000",
  "keys?limit=-1",
  "usage?limit=99999999999999999999",
  "usage?top=10000000",
  "audit?limit=1e9",
  "events?limit=0x10",
  "owners?limit=100000",
  "config/versions?limit=100000",
]) {
  test(`a page of any size is refused: ${query}`, async () => {
    assert.equal((await send(`GET /v1/${query}`)).status, 400);
  });
}

test("of two who edit one key the second is told, and without If-Match the last one counts", async () => {
  const { id } = await createKey("acme");
  const tag = (await send(`GET /v1/keys/${id}`)).headers.get("etag") ?? "";
  const edit = (name: string, headers = {}) =>
    send(`PATCH /v1/keys/${id}`, JSON.stringify({ name }), headers);
  assert.equal((await edit("first", { "if-match": tag })).status, 200);
  assert.equal((await edit("second", { "if-match": tag })).status, 412);
  assert.equal(fake.keys.get(id)?.name, "first");
  assert.equal((await edit("third")).status, 200);
  assert.equal(fake.keys.get(id)?.name, "third");
});

test("a change that is sent again is made once and answered the same", async () => {
  const headers = { "idempotency-key": "again" };
  const body = JSON.stringify({ plan: "pro", owner: "acme" });
  const answers: string[] = [];
  for (let i = 0; i < 3; i++) {
    answers.push(await (await send("POST /v1/keys", body, headers)).text());
  }
  assert.equal(new Set(answers).size, 1);
  assert.equal(fake.keys.size, 1);
});
