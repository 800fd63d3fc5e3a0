import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { ConfigVersionJson, ConfigVersionListJson } from "./config-version-schemas.ts";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import type { ProblemJson } from "./problem.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import type { CreatedTokenJson } from "./token-schemas.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

interface Sent {
  readonly body?: object;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

async function send(line: string, { body, token = adminToken, headers }: Sent = {}) {
  const [method = "", path = ""] = line.split(" ");
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const all = { authorization: `Bearer ${token}`, ...type, ...headers };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return app.request(path, { method, headers: all, ...sent });
}

async function apply(text: string, headers = {}): Promise<ConfigVersionJson> {
  const response = await send("POST /v1/config/versions", { body: { text, note: "n" }, headers });
  assert.equal(response.status, 201, await response.clone().text());
  const version = (await response.json()) as ConfigVersionJson;
  assert.equal(response.headers.get("etag"), `"${version.id}"`);
  return version;
}

test("versions are applied, listed, shown and brought back", async () => {
  const first = await apply("version: 1");
  await apply("version: 1 # other");
  const back = await send("POST /v1/config/versions/1/rollback");
  const third = (await back.json()) as ConfigVersionJson;
  assert.deepEqual([third.number, third.text, third.note], [3, "version: 1", "as version 1"]);
  assert.notEqual(third.id, first.id);
  const list = (await (await send("GET /v1/config/versions?limit=2")).json()) as {
    versions: ConfigVersionListJson["versions"];
    next: number;
  };
  assert.deepEqual(
    list.versions.map(({ number, inForce }) => [number, inForce]),
    [
      [3, true],
      [2, false],
    ],
  );
  const rest = await send(`GET /v1/config/versions?before=${list.next}`);
  assert.equal(((await rest.json()) as ConfigVersionListJson).versions[0]?.number, 1);
  const released = await send("POST /v1/config/release", { body: { note: "by hand" } });
  assert.equal(((await released.json()) as ConfigVersionJson).format, "files");
  assert.equal((await send("GET /v1/config/versions/9")).status, 404);
  assert.equal((await send("POST /v1/config/versions/9/rollback")).status, 404);
});

test("a wrong configuration is refused with its places, and leaves no entry", async () => {
  const body = { text: "plans: wrong" };
  const response = await send("POST /v1/config/versions", { body });
  assert.equal(response.status, 400);
  const { code, errors } = (await response.json()) as ProblemJson;
  assert.equal(code, "config-invalid");
  assert.deepEqual(errors, [
    { where: "line 2, plans.pro", detail: 'found "wrong", expected a plan' },
  ]);
  assert.equal(fake.store.entries.length, 0);
  assert.equal(fake.store.storedConfigs.length, 0);
});

test("of two who edit the same version the second is told", async () => {
  const first = await apply("version: 1", { "if-match": '"0"' });
  await apply("version: 2", { "if-match": `"${first.id}"` });
  const body = { text: "version: 3" };
  for (const tag of ['"0"', `"${first.id}"`]) {
    const headers = { "if-match": tag };
    assert.equal((await send("POST /v1/config/versions", { body, headers })).status, 412);
    assert.equal((await send("POST /v1/config/release", { headers })).status, 412);
  }
  await apply("version: 3", { "if-match": "*" });
});

test("texts are for admins and stand in no log and no audit entry", async () => {
  await apply("secret: hunter2hunter2");
  const made = await send("POST /v1/tokens", { body: { name: "reader" } });
  const { token } = (await made.json()) as CreatedTokenJson;
  assert.equal((await send("GET /v1/config/versions/1", { token })).status, 403);
  const list = await (await send("GET /v1/config/versions", { token })).text();
  assert.ok(
    !`${list}${fake.logged.join()}${JSON.stringify(fake.store.entries)}`.includes("hunter2"),
  );
  for (const line of ["versions", "versions/1/rollback", "release"]) {
    const refused = await send(`POST /v1/config/${line}`, { token, body: {} });
    assert.equal(refused.status, 403, line);
  }
});
