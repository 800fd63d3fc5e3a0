/** The portal's API: the way from an address to a working key, and what else a person may do. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createControl } from "../control.ts";
import type { ControlApp } from "../control-context.ts";
import { createFakeHub, type FakeHub } from "../testing/fake-hub.ts";
import type {
  BrandJson,
  EnteredJson,
  OpenLinkJson,
  PersonCreatedKeyJson,
  PersonKeyJson,
  PersonKeyListJson,
  PersonUsageJson,
  RejectionListJson,
} from "./portal-schemas.ts";
import { enter, linkFor, type Person, sendTo } from "./testing/portal-visitor.ts";

let fake: FakeHub;
let app: ControlApp;
beforeEach(() => {
  fake = createFakeHub();
  app = createControl(fake.context);
});

async function read<T>(person: Person, line: string, body?: unknown, status = 200): Promise<T> {
  const response = await sendTo(app, line, { body, person });
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as T;
}

test("an address gets a link, the link a session and a first key, and it works once", async () => {
  const token = await linkFor(app, fake, " Ann@Example.ORG ");
  const [mail] = fake.mails;
  assert.equal(mail?.to, "ann@example.org");
  assert.match(mail?.text ?? "", /^https:\/\/portal\.example\.com\/portal#\/enter\?token=\w{43}$/m);

  const look = await sendTo(app, "POST /portal/api/link", { body: { token } });
  assert.deepEqual(await look.json(), { email: "ann@example.org", isNew: true });

  const entered = await sendTo(app, "POST /portal/api/session", { body: { token } });
  assert.match(
    entered.headers.get("set-cookie") ?? "",
    /^__Host-tallygate-portal=\w{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  const { firstKey, email, id } = (await entered.json()) as EnteredJson;
  assert.equal(email, "ann@example.org");
  assert.match(firstKey?.key ?? "", /^ipd_live_/);
  const [stored] = fake.keys.values();
  assert.deepEqual([stored?.owner, stored?.plan], [id, "pro"]);

  for (const path of ["/portal/api/link", "/portal/api/session"]) {
    assert.equal((await sendTo(app, `POST ${path}`, { body: { token } })).status, 401);
  }
  const log = fake.logged.join("\n") + JSON.stringify(fake.store.entries);
  for (const secret of ["ann@example.org", token, firstKey?.key ?? ""]) {
    assert.ok(!log.includes(secret), "neither log nor audit has the address, the link or the key");
  }
});

test("whoever comes back is the same person and gets no further key", async () => {
  const first = await enter(app, fake, "ann@example.org");
  const token = await linkFor(app, fake, "ANN@example.org");
  const look = await sendTo(app, "POST /portal/api/link", { body: { token } });
  assert.equal(((await look.json()) as OpenLinkJson).isNew, false);
  const entered = await sendTo(app, "POST /portal/api/session", { body: { token } });
  const { id, firstKey } = (await entered.json()) as EnteredJson;
  assert.deepEqual([id, firstKey], [first.entered.id, null]);
  assert.equal(fake.keys.size, 1);
});

test("two uses of a link at one time make one person and one key", async () => {
  const token = await linkFor(app, fake, "ann@example.org");
  const uses = [1, 2, 3].map(() => sendTo(app, "POST /portal/api/session", { body: { token } }));
  const statuses = (await Promise.all(uses)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 401, 401]);
  assert.deepEqual([fake.keys.size, fake.store.portal.people()], [1, 1]);
});

test("a link is over after its time, and when a newer one was sent", async () => {
  const old = await linkFor(app, fake, "ann@example.org");
  const newer = await linkFor(app, fake, "ann@example.org");
  assert.equal((await sendTo(app, "POST /portal/api/link", { body: { token: old } })).status, 401);
  fake.clockMs += 30 * 60_000 - 1;
  assert.equal(
    (await sendTo(app, "POST /portal/api/link", { body: { token: newer } })).status,
    200,
  );
  fake.clockMs += 1;
  const late = await sendTo(app, "POST /portal/api/session", { body: { token: newer } });
  assert.equal(late.status, 401);
});

test("keys are made, listed, named, restricted, rotated and revoked", async () => {
  const ann = await enter(app, fake, "ann@example.org");
  const body = { name: "shop", restrict: { referers: ["example.com"] } };
  const made = await read<PersonCreatedKeyJson>(ann, "POST /portal/api/keys", body, 201);
  assert.match(made.key, /^ipd_live_/);
  const change = { name: "<b>shop</b>", restrict: { addresses: ["203.0.113.0/24"] } };
  const changed = await read<PersonKeyJson>(ann, `PATCH /portal/api/keys/${made.id}`, change);
  assert.equal(changed.name, "<b>shop</b>");
  assert.deepEqual(changed.restrict, {
    ...{ referers: ["example.com"], addresses: ["203.0.113.0/24"], routes: [] },
  });
  const rotate = { overlap: "1h" };
  const line = `POST /portal/api/keys/${made.id}/rotate`;
  const rotated = await read<PersonCreatedKeyJson>(ann, line, rotate, 201);
  assert.notEqual(rotated.key, made.key);
  const revoked = await read<PersonKeyJson>(ann, `DELETE /portal/api/keys/${made.id}`);
  assert.equal(revoked.revoked, true);
  const { keys } = await read<PersonKeyListJson>(ann, "GET /portal/api/keys");
  assert.deepEqual(new Set(keys.map(({ id }) => id)), new Set(["k_0001", made.id]));
  assert.ok(!JSON.stringify(keys).includes("ipd_live"), "a list shows no secret");
  const actors = new Set(fake.store.entries.map(({ actor }) => actor));
  assert.deepEqual([...actors], [ann.entered.id]);
});

test("valid keys are bounded by the configuration; a revoked one makes room", async () => {
  const ann = await enter(app, fake, "ann@example.org");
  for (let i = 1; i < 3; i++) await read(ann, "POST /portal/api/keys", {}, 201);
  const refused = await sendTo(app, "POST /portal/api/keys", { body: {}, person: ann });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /3 keys/);
  await read(ann, "DELETE /portal/api/keys/k_0001");
  await read(ann, "POST /portal/api/keys", {}, 201);
});

test("usage is told by region and hour, and by key against its limits, net of what was given back", async () => {
  const ann = await enter(app, fake, "ann@example.org");
  const row = { calls: 12, units: 12, refundedCalls: 2, refundedUnits: 2 };
  fake.rows = [{ window: "2026-11-21T12:00:00.000Z", value: "seoul", ...row }];
  const usage = await read<PersonUsageJson>(ann, "GET /portal/api/usage");
  assert.deepEqual(usage.regions, ["sydney", "seoul"]);
  assert.deepEqual(usage.today, { calls: 10, units: 10 });
  assert.equal(usage.hours.length, 13);
  assert.deepEqual(usage.hours.at(-1), { start: "2026-11-21T12:00:00.000Z", units: [0, 10] });
  assert.equal(usage.days.length, 21);
  const owners = new Set(fake.queries.map(({ where }) => JSON.stringify(where)));
  assert.deepEqual([...owners], [JSON.stringify({ owner: ann.entered.id })]);
  const [key] = usage.keys;
  assert.deepEqual(key?.limits, [
    {
      ...{ name: "month", per: "key", quota: 100, window: "month", used: 0 },
      endsAt: "2026-12-01T00:00:00.000Z",
    },
  ]);
});

test("rejections are those of one's own keys", async () => {
  const ann = await enter(app, fake, "ann@example.org");
  const refusal = { region: "seoul", route: "/", reason: "limited:month", count: 3, lastMs: 0 };
  fake.refusals = [
    { key: "k_0001", ...refusal },
    { key: "k_0002", ...refusal },
  ];
  const { rejections } = await read<RejectionListJson>(ann, "GET /portal/api/rejections");
  assert.deepEqual(
    rejections.map(({ key, reason }) => [key, reason]),
    [["k_0001", "limited:month"]],
  );
});

test("the brand is there for everybody: name, plan, regions, how a key is carried", async () => {
  const brand = (await (await sendTo(app, "GET /portal/api/brand")).json()) as BrandJson;
  assert.equal(brand.name, "Example API");
  assert.deepEqual(brand.regions, [
    { name: "sydney", url: "http://127.0.0.1:8081" },
    { name: "seoul", url: "http://127.0.0.1:8082" },
  ]);
  assert.deepEqual(brand.plan, {
    name: "pro",
    limits: [{ name: "month", per: "key", quota: 100, window: "month" }],
  });
  assert.equal(brand.keyFrom, "header:x-api-key");
});

test("who leaves takes their sessions and keys along, and the address is free again", async () => {
  const ann = await enter(app, fake, "ann@example.org");
  const gone = await sendTo(app, "DELETE /portal/api/person", { person: ann });
  assert.equal(gone.status, 204);
  assert.equal(fake.keys.get("k_0001")?.revoked, true);
  assert.equal(fake.store.portal.people(), 0);
  assert.equal((await sendTo(app, "GET /portal/api/keys", { person: ann })).status, 401);
  const again = await enter(app, fake, "ann@example.org");
  assert.notEqual(again.entered.id, ann.entered.id);
  const { keys } = await read<PersonKeyListJson>(again, "GET /portal/api/keys");
  assert.equal(keys.length, 1, "the keys of who left are nobody's");
});

test("without a mail server nobody can sign up, and the page says so", async () => {
  const { store, hubUrl } = fake.context.portal;
  const silent = createControl({ ...fake.context, portal: { store, hubUrl, mailer: undefined } });
  const body = { email: "ann@example.org" };
  assert.equal((await sendTo(silent, "POST /portal/api/sign-up", { body })).status, 503);
  const brand = (await (await sendTo(silent, "GET /portal/api/brand")).json()) as BrandJson;
  assert.equal(brand.canSignUp, false);
});

test("where none is configured there is no portal", async () => {
  const config = { ...fake.context.config(), portal: undefined };
  const none = createControl({ ...fake.context, config: () => config });
  assert.equal((await sendTo(none, "GET /portal/api/brand")).status, 404);
  const body = { email: "ann@example.org" };
  assert.equal((await sendTo(none, "POST /portal/api/sign-up", { body })).status, 404);
});
