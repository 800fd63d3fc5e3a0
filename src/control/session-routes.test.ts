import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createControl } from "./control.ts";
import type { ControlApp } from "./control-context.ts";
import { operatorIdleMsMax } from "./sessions.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import { wrongTokensMax } from "./token-attempts.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

const ownPage = { "sec-fetch-site": "same-origin", origin: "http://localhost" };
const json = { "content-type": "application/json" };

function send(line: string, body?: unknown, headers: Record<string, string> = ownPage) {
  const [method = "", path = ""] = line.split(" ");
  const type = body === undefined ? {} : json;
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return app.request(path, { method, headers: { ...type, ...headers }, ...text });
}

interface LoggedIn {
  readonly cookie: string;
  readonly csrf: string;
  readonly setCookie: string;
}

async function logIn(token = adminToken, headers = {}): Promise<LoggedIn> {
  const response = await send("POST /v1/session", { token }, { ...ownPage, ...headers });
  assert.equal(response.status, 200, await response.clone().text());
  const setCookie = response.headers.get("set-cookie") ?? "";
  const { csrfToken } = (await response.json()) as { csrfToken: string };
  return { cookie: setCookie.split(";")[0] ?? "", csrf: csrfToken, setCookie };
}

async function makeToken(role: string): Promise<{ id: string; token: string }> {
  const bearer = { authorization: `Bearer ${adminToken}` };
  const made = await send("POST /v1/tokens", { name: role, role }, bearer);
  return (await made.json()) as { id: string; token: string };
}

test("a session reads and changes what its token may, and ends with log-out", async () => {
  const { cookie, csrf, setCookie } = await logIn();
  assert.match(
    setCookie,
    /^__Host-tallygate=[0-9A-Za-z]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  const who = await send("GET /v1/session", undefined, { cookie });
  const shown = { id: "admin", name: "the data folder's token", role: "admin", csrfToken: csrf };
  assert.deepEqual(await who.json(), { ...shown, endsAt: "2026-11-22T00:00:00.000Z" });
  const headers = { ...ownPage, cookie, "x-csrf-token": csrf };
  assert.equal((await send("POST /v1/keys", { plan: "pro" }, headers)).status, 201);
  const out = await send("DELETE /v1/session", undefined, headers);
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie") ?? "", /^__Host-tallygate=; Max-Age=0;/);
  assert.equal((await send("GET /v1/keys", undefined, { cookie })).status, 401);
  const entries = fake.store.entries.map(({ actor, action }) => `${actor} ${action}`);
  assert.deepEqual(entries, ["admin logIn", "admin createKey", "admin logOut"]);
  const secrets = [adminToken, cookie.split("=")[1] ?? "", csrf];
  for (const secret of secrets) assert.ok(!fake.logged.join("\n").includes(secret));
});

const forgeries: readonly (readonly [string, Record<string, string>])[] = [
  ["from another site", { "sec-fetch-site": "cross-site" }],
  ["from a sibling of this host", { "sec-fetch-site": "same-site" }],
  ["typed or from a bookmark", { "sec-fetch-site": "none" }],
  ["of an old browser from another origin", { "sec-fetch-site": "", origin: "http://evil.test" }],
  ["of an opaque origin", { "sec-fetch-site": "", origin: "null" }],
  ["without the token", { "x-csrf-token": "" }],
  ["with another session's token", { "x-csrf-token": "9".repeat(43) }],
];

for (const [what, change] of forgeries) {
  test(`CSRF: a change ${what} is refused and changes nothing`, async () => {
    const { cookie, csrf } = await logIn();
    const given = { ...ownPage, cookie, "x-csrf-token": csrf, ...change };
    const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    assert.equal((await send("POST /v1/keys", { plan: "pro" }, headers)).status, 403);
    assert.equal((await send("DELETE /v1/session", undefined, headers)).status, 403);
    assert.equal(fake.keys.size, 0);
    assert.equal((await send("GET /v1/keys", undefined, { cookie })).status, 200);
  });
}

test("log-in from another site is refused: nobody is logged in as somebody else", async () => {
  const headers = { "sec-fetch-site": "cross-site", origin: "http://evil.test" };
  const response = await send("POST /v1/session", { token: adminToken }, headers);
  assert.equal(response.status, 403);
  assert.equal(response.headers.get("set-cookie"), null);
});

test("an old browser's own pages are known by their origin", async () => {
  const headers = { origin: "http://localhost", host: "localhost" };
  const response = await send("POST /v1/session", { token: adminToken }, headers);
  assert.equal(response.status, 200);
});

test("a read-only session changes nothing and can log out", async () => {
  const { token } = await makeToken("read-only");
  const { cookie, csrf } = await logIn(token);
  const headers = { ...ownPage, cookie, "x-csrf-token": csrf };
  assert.equal((await send("GET /v1/keys", undefined, headers)).status, 200);
  assert.equal((await send("POST /v1/keys", { plan: "pro" }, headers)).status, 403);
  assert.equal((await send("DELETE /v1/session", undefined, headers)).status, 204);
});

test("a session ends with the token that it was made from", async () => {
  const { id, token } = await makeToken("admin");
  const named = await logIn(token);
  const folder = await logIn();
  const bearer = { authorization: `Bearer ${adminToken}` };
  assert.equal((await send(`DELETE /v1/tokens/${id}`, undefined, bearer)).status, 204);
  assert.equal((await send("GET /v1/keys", undefined, { cookie: named.cookie })).status, 401);
  assert.equal((await send("GET /v1/keys", undefined, { cookie: folder.cookie })).status, 200);
  fake.token = "the next admin token of the tests";
  assert.equal((await send("GET /v1/keys", undefined, { cookie: folder.cookie })).status, 401);
});

test("session fixation: log-in gives a fresh id and ends the one that was there", async () => {
  const first = await logIn();
  const second = await logIn(adminToken, { cookie: first.cookie });
  assert.notEqual(second.cookie, first.cookie);
  assert.equal((await send("GET /v1/keys", undefined, { cookie: first.cookie })).status, 401);
});

test("an idle session is over", async () => {
  const { cookie } = await logIn();
  fake.clockMs += operatorIdleMsMax;
  assert.equal((await send("GET /v1/keys", undefined, { cookie })).status, 401);
});

test("brute force: an address that guesses at log-in is held back, right token or wrong", async () => {
  const from = (address: string, token: string) =>
    app.request(
      "/v1/session",
      { method: "POST", headers: { ...json, ...ownPage }, body: JSON.stringify({ token }) },
      { address },
    );
  for (let i = 0; i < wrongTokensMax; i++) {
    assert.equal((await from("203.0.113.7", `guess ${i}`)).status, 401);
  }
  const held = await from("203.0.113.7", adminToken);
  assert.equal(held.status, 429);
  assert.equal(held.headers.get("set-cookie"), null);
  assert.equal((await from("203.0.113.8", adminToken)).status, 200);
});

test("a cookie that is none opens nothing, whatever its form", async () => {
  for (const value of ["", "x", "x".repeat(5_000), "%00", "__proto__"]) {
    const cookie = `__Host-tallygate=${value}`;
    assert.equal((await send("GET /v1/keys", undefined, { cookie })).status, 401);
  }
});

test("a token goes before a cookie, and needs no CSRF token", async () => {
  const { cookie } = await logIn();
  const headers = { cookie, authorization: `Bearer ${adminToken}` };
  assert.equal((await send("POST /v1/keys", { plan: "pro" }, headers)).status, 201);
  const wrong = { cookie, authorization: "Bearer wrong" };
  assert.equal((await send("GET /v1/keys", undefined, wrong)).status, 401);
  const who = await send("GET /v1/session", undefined, headers);
  assert.equal(((await who.json()) as { csrfToken: unknown }).csrfToken, null);
});
