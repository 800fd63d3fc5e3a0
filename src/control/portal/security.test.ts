/** What somebody may try at the portal: as nobody, as another person, from another site, with many requests. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { TallygateError } from "../../base/errors.ts";
import { createControl } from "../control.ts";
import type { ControlApp } from "../control-context.ts";
import { adminToken, createFakeHub, type FakeHub } from "../testing/fake-hub.ts";
import { wrongTokensMax } from "../token-attempts.ts";
import { personChangesMax } from "./person-key-routes.ts";
import { linksAskedMax, mailPerMailboxEveryMs, mailsPerMailboxMax } from "./sign-up.ts";
import { enter, linkFor, type Person, sendTo } from "./testing/portal-visitor.ts";

let fake: FakeHub;
let app: ControlApp;
let ann: Person;
let eve: Person;
beforeEach(async () => {
  fake = createFakeHub();
  app = createControl(fake.context);
  ann = await enter(app, fake, "ann@example.org");
  eve = await enter(app, fake, "eve@example.org");
});

const ofPerson = [
  "GET /portal/api/session",
  "GET /portal/api/keys",
  "GET /portal/api/usage",
  "GET /portal/api/rejections",
  "POST /portal/api/keys",
  "PATCH /portal/api/keys/k_0001",
  "POST /portal/api/keys/k_0001/rotate",
  "DELETE /portal/api/keys/k_0001",
  "DELETE /portal/api/session",
  "DELETE /portal/api/person",
];

function bodyOf(line: string): { body?: unknown } {
  if (line.startsWith("PATCH")) return { body: { name: "x" } };
  return line.startsWith("POST") ? { body: {} } : {};
}

for (const line of ofPerson) {
  test(`without a session of a person nothing is answered: ${line}`, async () => {
    const before = structuredClone([...fake.keys]);
    const tried = [
      {},
      { authorization: `Bearer ${adminToken}` },
      { cookie: `__Host-tallygate=${ann.cookie.split("=")[1]}` },
      { cookie: `__Host-tallygate-portal=${"x".repeat(43)}` },
      { cookie: `__Host-tallygate-portal=${ann.entered.id}` },
    ];
    for (const headers of tried) {
      const response = await sendTo(app, line, { ...bodyOf(line), headers });
      assert.equal(response.status, 401, JSON.stringify(headers));
    }
    assert.deepEqual([...fake.keys], before);
  });

  if (line.startsWith("GET")) continue;
  test(`CSRF: another site's request changes nothing: ${line}`, async () => {
    const before = structuredClone([...fake.keys]);
    const forged = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "", origin: "https://evil.test" },
      { "sec-fetch-site": "" },
      { "x-csrf-token": "" },
      { "x-csrf-token": eve.entered.csrfToken },
    ];
    for (const headers of forged) {
      const response = await sendTo(app, line, { ...bodyOf(line), person: ann, headers });
      assert.equal(response.status, 403, JSON.stringify(headers));
    }
    assert.deepEqual([...fake.keys], before);
    assert.equal((await sendTo(app, "GET /portal/api/session", { person: ann })).status, 200);
  });
}

for (const line of ofPerson.filter((one) => one.includes("k_0001"))) {
  test(`another person's key is no key: ${line}`, async () => {
    const before = structuredClone([...fake.keys]);
    const answer = async (path: string): Promise<unknown[]> => {
      const response = await sendTo(app, path, { ...bodyOf(line), person: eve });
      const { instance: _, ...body } = (await response.json()) as Record<string, unknown>;
      return [response.status, body];
    };
    const foreign = await answer(line);
    assert.equal(foreign[0], 404);
    assert.deepEqual(
      await answer(line.replace("k_0001", "k_9999")),
      foreign,
      "tells nothing apart",
    );
    assert.deepEqual([...fake.keys], before);
  });
}

test("the operator's own keys are nobody's in the portal", async () => {
  await fake.context.hub.registry.create({
    ...{ plan: "pro", name: "x", owner: "", expiresAtMs: 0, mode: "live" },
    restrict: { referers: [], addresses: [], routes: [] },
  });
  const listed = await (await sendTo(app, "GET /portal/api/keys", { person: eve })).text();
  assert.ok(!listed.includes("k_0003"));
  assert.equal((await sendTo(app, "DELETE /portal/api/keys/k_0003", { person: eve })).status, 404);
});

test("a person's session opens nothing of the operator's", async () => {
  const value = ann.cookie.split("=")[1];
  for (const path of ["/v1/keys", "/v1/usage", "/v1/tokens", "/v1/session", "/metrics"]) {
    for (const cookie of [ann.cookie, `__Host-tallygate=${value}`]) {
      const response = await sendTo(app, `GET ${path}`, { headers: { cookie } });
      assert.equal(response.status, 401, path);
    }
  }
});

/** Fields that are not a person's to say. */
const foreignFields = {
  ...{ plan: "free", owner: "p_other", id: "k_0009", key: "ipd_live_chosen", version: 9 },
  ...{ revoked: false, credentials: [], quota: 10 ** 9, keysMax: 99, role: "admin" },
};

for (const [field, value] of Object.entries(foreignFields)) {
  test(`mass assignment: \`${field}\` is refused`, async () => {
    const before = structuredClone([...fake.keys]);
    const lines = [
      "POST /portal/api/keys",
      "PATCH /portal/api/keys/k_0001",
      "POST /portal/api/keys/k_0001/rotate",
    ];
    for (const line of lines) {
      const body = { name: "x", [field]: value };
      const response = await sendTo(app, line, { body, person: ann });
      assert.equal(response.status, 400, line);
    }
    for (const path of ["/portal/api/sign-up", "/portal/api/session"]) {
      const body = { email: "ann@example.org", token: "a".repeat(43), [field]: value };
      assert.equal((await sendTo(app, `POST ${path}`, { body })).status, 400, path);
    }
    assert.deepEqual([...fake.keys], before);
  });
}

test("what is no address gets no mail: lists, names, line ends, header fields", async () => {
  const before = fake.mails.length;
  const wrong = [
    ...["", "ann", "ann@", "@example.org", "ann@example", "ann@@example.org"],
    ...["a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org", "a@example.org%0a"],
    ...["Ann <ann@example.org>", "ann@exa mple.org", `${"a".repeat(250)}@example.org`],
    ...['"a\\"b"@example.org', "ann@[127.0.0.1]", "ann@example.org\u0000"],
  ];
  for (const email of wrong) {
    const response = await sendTo(app, "POST /portal/api/sign-up", { body: { email } });
    assert.equal(response.status, 400, JSON.stringify(email));
  }
  assert.equal(fake.mails.length, before);
});

test("the answer to a sign-up is the same for an address that is known and one that is not", async () => {
  const answers = ["ann@example.org", "nobody@example.org"].map(async (email) => {
    const response = await sendTo(app, "POST /portal/api/sign-up", {
      ...{ body: { email }, address: "203.0.113.9" },
    });
    return [response.status, await response.text(), response.headers.get("set-cookie")];
  });
  const [known, unknown] = await Promise.all(answers);
  assert.deepEqual(known, [202, "", null]);
  assert.deepEqual(unknown, known);
});

test("sign-ups are limited by the asking address, and the limit is of that address only", async () => {
  const ask = (i: number, address: string) =>
    sendTo(app, "POST /portal/api/sign-up", { body: { email: `n${i}@example.org` }, address });
  for (let i = 0; i < linksAskedMax; i++) assert.equal((await ask(i, "2001:db8::1")).status, 202);
  const before = fake.mails.length;
  const held = await ask(99, "2001:db8::2");
  assert.equal(held.status, 429, "an IPv6 caller has a /64");
  assert.match(held.headers.get("retry-after") ?? "", /^\d+$/);
  assert.equal(fake.mails.length, before);
  assert.equal((await ask(99, "2001:db8:0:1::1")).status, 202);
});

test("a mailbox is not flooded, whoever asks from wherever", async () => {
  const ask = (i: number) =>
    sendTo(app, "POST /portal/api/sign-up", {
      ...{ body: { email: "Victim@example.org" }, address: `203.0.113.${i}` },
    });
  for (let i = 0; i < mailsPerMailboxMax; i++) assert.equal((await ask(i)).status, 202);
  const sent = fake.mails.length;
  for (let i = 10; i < 30; i++) assert.equal((await ask(i)).status, 429);
  assert.equal(fake.mails.length, sent);
  fake.clockMs += mailPerMailboxEveryMs;
  assert.equal((await ask(40)).status, 202);
});

test("brute force: an address that guesses links is held back, right link or wrong", async () => {
  const token = await linkFor(app, fake, "new@example.org");
  const guess = (text: string, address: string) =>
    sendTo(app, "POST /portal/api/session", { body: { token: text }, address });
  for (let i = 0; i < wrongTokensMax; i++) {
    const wrong = String(i).padStart(43, "0");
    assert.equal((await guess(wrong, "203.0.113.7")).status, 401);
  }
  assert.equal((await guess(token, "203.0.113.7")).status, 429);
  assert.equal((await guess(token, "203.0.113.8")).status, 200);
});

test("session fixation: entering gives a fresh id and ends the session that was there", async () => {
  const token = await linkFor(app, fake, "ann@example.org");
  const headers = { cookie: ann.cookie };
  const entered = await sendTo(app, "POST /portal/api/session", { body: { token }, headers });
  const cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  assert.notEqual(cookie, ann.cookie);
  assert.equal((await sendTo(app, "GET /portal/api/session", { person: ann })).status, 401);
});

test("changes of keys are limited for each person: gateways hear of every one", async () => {
  let refused = 0;
  for (let i = 0; i <= personChangesMax; i++) {
    const line = "PATCH /portal/api/keys/k_0001";
    const response = await sendTo(app, line, { body: { name: `n${i}` }, person: ann });
    if (response.status === 429) refused++;
  }
  assert.equal(refused, 1);
  const line = "PATCH /portal/api/keys/k_0002";
  assert.equal((await sendTo(app, line, { body: { name: "x" }, person: eve })).status, 200);
});

test("a mail that cannot be sent is told without the address", async () => {
  const failing = {
    send: () => Promise.reject(new TallygateError("mail-failed", "the mail server is away")),
    close: () => {},
  };
  const { store, hubUrl } = fake.context.portal;
  const broken = createControl({ ...fake.context, portal: { store, hubUrl, mailer: failing } });
  const body = { email: "secret@example.org" };
  const response = await sendTo(broken, "POST /portal/api/sign-up", { body });
  assert.equal(response.status, 503);
  assert.ok(!(await response.text()).includes("secret@"));
  assert.ok(!fake.logged.join("\n").includes("secret@"));
});

const paths = [
  "/portal/api/keys/..%2f..%2fv1%2ftokens",
  "/portal/api/../../v1/tokens",
  "/portal/api/keys/k_0001%00",
  "/portal/api/logo.svg/../../../etc/passwd",
  "/portal/api/reference.json%2f..%2f..",
  "/portal/api/__proto__",
  "//portal/api/keys",
];

for (const path of paths) {
  test(`a path leads nowhere but where it says: ${path}`, async () => {
    const response = await sendTo(app, `GET ${path}`, { person: ann });
    assert.ok([400, 401, 404, 405].includes(response.status), String(response.status));
  });
}

test("a body that is too large, no JSON or no UTF-8 is refused before anything happens", async () => {
  const large = `{"name": "${"x".repeat(40_000)}"}`;
  const line = "POST /portal/api/keys";
  assert.equal((await sendTo(app, line, { body: large, person: ann })).status, 413);
  assert.equal((await sendTo(app, line, { body: "{", person: ann })).status, 400);
  const headers = { "content-type": "text/plain" };
  assert.equal((await sendTo(app, line, { body: "{}", person: ann, headers })).status, 415);
  assert.equal(fake.keys.size, 2);
});
