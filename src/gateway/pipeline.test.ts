import assert from "node:assert/strict";
import { test } from "node:test";
import type { HandlerCall } from "../ports/handler.ts";
import type { FakeExchange, FakeRequest } from "./testing/fake-exchange.ts";
import { FakeResponse, PipelineRig } from "./testing/pipeline-rig.ts";

const hello = { "./handler.ts": () => new FakeResponse("hello") };

function rigOf(config: Record<string, unknown> = {}): Promise<PipelineRig> {
  return PipelineRig.create({ config, handlers: hello });
}

function withKey(key: string): readonly string[] {
  return ["X-Api-Key", key];
}

/** Every problem has the contract's members, names its request, and is told by its status. */
function assertProblem(exchange: FakeExchange, status: number): Record<string, unknown> {
  assert.equal(exchange.status, status, exchange.text);
  assert.equal(exchange.header("content-type"), "application/problem+json");
  const problem = exchange.json();
  assert.equal(problem["status"], status);
  assert.equal(problem["instance"], exchange.header("x-request-id"));
  assert.equal(exchange.header("x-region"), "sydney");
  for (const member of ["type", "title", "detail"]) assert.equal(typeof problem[member], "string");
  return problem;
}

test("an admitted call gets the answer with policy, tightest limit, request id and region", async () => {
  const rig = await rigOf();
  const key = rig.key();
  const exchange = await rig.ask({ target: "/8.8.8.8", headers: withKey(key) });
  assert.equal(exchange.status, 200);
  assert.equal(exchange.text, "hello");
  assert.equal(exchange.header("RateLimit-Policy"), '"day";q=10;w=86400, "month";q=100;w=2592000');
  assert.equal(exchange.header("RateLimit"), '"day";r=9;t=43200');
  assert.equal(exchange.header("x-region"), "sydney");
  assert.match(exchange.header("x-request-id") ?? "", /^abc-\w+$/);
  assert.deepEqual(rig.used({ headers: withKey(key) }), { day: 1, month: 1 });
});

test("a reply waits until its charge is stored, and no longer", async () => {
  const rig = await rigOf();
  const first = rig.send({ target: "/a" });
  assert.equal(first.state, "open");
  rig.journal.store();
  assert.equal(first.status, 200);
  const second = rig.send({ target: "/b" });
  assert.equal(second.state, "open");
  rig.journal.store();
  assert.equal(second.status, 200);
});

test("a charge that is not stored in time is a 503, and given back", async () => {
  const rig = await rigOf();
  const exchange = rig.send({ target: "/a" });
  rig.pass(4_999);
  assert.equal(exchange.state, "open");
  rig.pass(101);
  const problem = assertProblem(exchange, 503);
  assert.equal(problem["title"], "Usage cannot be recorded");
  assert.equal(exchange.header("retry-after"), "1");
  rig.journal.store();
  assert.equal(exchange.status, 503);
  assert.deepEqual(rig.used({}), { day: 0 });
});

test("over a limit: 429 with the violated policies, the latest reset and where to sign up", async () => {
  const rig = await rigOf({
    plans: {
      anonymous: {
        limits: [
          { name: "day", per: "ip", quota: 1, window: "day" },
          { name: "hour", per: "ip", quota: 1, window: "hour" },
          { name: "month", per: "ip", quota: 50, window: "month" },
        ],
      },
    },
  });
  await rig.ask({ target: "/a" });
  const denied = await rig.ask({ target: "/a" });
  const problem = assertProblem(denied, 429);
  assert.equal(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
  assert.deepEqual(problem["violated-policies"], ["day", "hour"]);
  assert.equal(problem["signup"], "https://example.com/signup");
  assert.equal(denied.header("Retry-After"), "43200");
  assert.equal(denied.header("RateLimit"), '"day";r=0;t=43200');
  assert.match(denied.header("RateLimit-Policy") ?? "", /^"day";q=1;w=86400, "hour"/);
  assert.equal(rig.counts.get("tallygate_decisions_total{anonymous,day,denied}"), 1);
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/{ip},limited:day}"), 1);
});

test("a denied call writes nothing to journal and counters", async () => {
  const rig = await rigOf();
  for (let i = 0; i < 3; i++) await rig.ask({ target: "/a" });
  const records = rig.journal.records.length;
  for (let i = 0; i < 5; i++) assertProblem(await rig.ask({ target: "/a" }), 429);
  assert.equal(rig.journal.records.length, records);
  assert.deepEqual(rig.used({}), { day: 3 });
});

test("the 429 of a keyed plan names no sign-up", async () => {
  const rig = await rigOf();
  const headers = withKey(rig.key());
  await rig.ask({ method: "POST", target: "/bulk", headers });
  await rig.ask({ method: "POST", target: "/bulk", headers });
  const denied = await rig.ask({ method: "POST", target: "/bulk", headers });
  assert.equal("signup" in assertProblem(denied, 429), false);
  assert.deepEqual(rig.used({ headers }), { day: 10, month: 10 });
});

test("a shadow limit is counted and told to nobody", async () => {
  const limits = [{ name: "s", per: "ip", quota: 1, window: "day", enforcement: "shadow" }];
  const rig = await rigOf({ plans: { anonymous: { limits } } });
  for (let i = 0; i < 3; i++) {
    const exchange = await rig.ask({ target: "/a" });
    assert.equal(exchange.status, 200);
    assert.equal(exchange.header("RateLimit-Policy"), undefined);
    assert.equal(exchange.header("RateLimit"), undefined);
  }
  assert.equal(rig.counts.get("tallygate_decisions_total{anonymous,s,shadow}"), 2);
});

test("no route is 404, another method 405 with Allow, and neither is charged", async () => {
  const rig = await rigOf();
  assertProblem(await rig.ask({ target: "/no/such/route" }), 404);
  assertProblem(await rig.ask({ target: "/-/secret" }), 404);
  const bulk = await rig.ask({ target: "/no" });
  assert.equal(bulk.status, 200);
  const narrow = await rigOf({
    routes: [{ path: "/bulk", methods: ["GET", "POST"], handler: "./handler.ts" }],
  });
  const wrong = await narrow.ask({ method: "DELETE", target: "/bulk" });
  assertProblem(wrong, 405);
  assert.equal(wrong.header("allow"), "GET, HEAD, POST");
  assert.equal((await narrow.ask({ method: "HEAD", target: "/bulk" })).status, 200);
  assertProblem(await rig.ask({ method: "TRACE", target: "/a" }), 405);
  assertProblem(await rig.ask({ method: "POST", target: "/-/usage" }), 405);
  assert.deepEqual(rig.used({}), { day: 1 });
});

const malformed: [string, FakeRequest, number][] = [
  ["absolute form", { target: "http://169.254.169.254/latest" }, 400],
  ["two leading slashes", { target: "//evil.test/x" }, 400],
  ["dot segment", { target: "/a/../admin" }, 400],
  ["encoded dot segment", { target: "/a/%2e%2E/admin" }, 400],
  ["encoded slash", { target: "/a%2Fb" }, 400],
  ["fragment", { target: "/a#b" }, 400],
  ["long target", { target: `/${"a".repeat(8_192)}` }, 414],
  ["no Host", { target: "/a", host: false }, 400],
  ["two Hosts", { target: "/a", headers: ["host", "other.example"] }, 400],
  ["Host with user", { target: "/a", host: false, headers: ["Host", "a@b"] }, 400],
  ["HTTP/0.9", { target: "/a", httpVersion: "0.9" }, 505],
  ["HTTP/2.0", { target: "/a", httpVersion: "2.0" }, 505],
  ["two codings", { target: "/a", headers: ["transfer-encoding", "gzip, chunked"] }, 501],
  [
    "coding and length",
    { target: "/a", headers: ["transfer-encoding", "chunked", "content-length", "3"] },
    400,
  ],
  [
    "coding in 1.0",
    { target: "/a", httpVersion: "1.0", headers: ["transfer-encoding", "chunked"] },
    400,
  ],
  [
    "101 fields",
    { target: "/a", headers: Array.from({ length: 200 }, (_, i) => `x-${i >> 1}`) },
    431,
  ],
];

test("a head that could be read in two ways is refused, and the connection closed", async () => {
  const rig = await rigOf();
  for (const [name, request, status] of malformed) {
    const exchange = await rig.ask(request);
    assert.equal(exchange.status, status, name);
    assertProblem(exchange, status);
    assert.equal(exchange.header("connection"), "close", name);
  }
  assert.deepEqual(rig.used({}), { day: 0 });
  const fine = Array.from({ length: 198 }, (_, i) => `x-${i >> 1}`);
  assert.equal((await rig.ask({ target: "/a", headers: fine })).status, 200);
  const old: FakeRequest = { target: "/a", httpVersion: "1.0", host: false };
  assert.equal((await rig.ask(old)).status, 200);
});

test("/-/status is the public status, to everybody and whatever the state, and is no call", async () => {
  const rig = await PipelineRig.create();
  assertProblem(await rig.ask({ target: "/-/status" }), 503);
  rig.publicStatus = new TextEncoder().encode('{"servedBy":"sydney"}');
  rig.unreadyReason = "no view";
  const status = rig.send({ target: "/-/status", headers: ["x-api-key", "nonsense"] });
  assert.deepEqual([status.status, status.json()], [200, { servedBy: "sydney" }]);
  assert.ok(status.replyHeaders.join(" ").includes("access-control-allow-origin *"));
  assertProblem(await rig.ask({ method: "POST", target: "/-/status" }), 405);
  assert.equal(rig.meter.calls, 0);
});

test("/-/usage tells plan, limits and age, charges nothing, and answers over the limit", async () => {
  const rig = await rigOf();
  for (let i = 0; i < 4; i++) await rig.ask({ target: "/a" });
  const exchange = rig.send({ target: "/-/usage" });
  assert.equal(exchange.status, 200);
  assert.deepEqual(exchange.json(), {
    region: "sydney",
    plan: "anonymous",
    limits: [
      {
        name: "day",
        subject: "ip:192.0.2.1",
        quota: 3,
        used: 3,
        remaining: 0,
        resetsAt: "2026-11-22T00:00:00Z",
      },
    ],
    viewAgeMs: 38,
  });
  const keyed = rig.send({ target: "/-/usage", headers: withKey(rig.key()) }).json();
  assert.deepEqual(
    (keyed["limits"] as { subject: string }[]).map(({ subject }) => subject),
    ["key:k_1", "key:k_1"],
  );
});

test("until it is ready a gateway answers 503, and health says why", async () => {
  const rig = await rigOf();
  rig.unreadyReason = "no keys yet";
  const exchange = await rig.ask({ target: "/a" });
  assertProblem(exchange, 503);
  assert.equal(exchange.header("retry-after"), "1");
  const health = rig.send({ target: "/-/health" });
  assert.equal(health.status, 503);
  assert.equal(health.json()["reason"], "no keys yet");
  rig.unreadyReason = "";
  assert.equal(rig.send({ target: "/-/health" }).status, 200);
  rig.journal.become("full");
  assert.equal(rig.send({ target: "/-/health" }).status, 503);
  rig.journal.become("ok");
  rig.pipeline.beginStop();
  assert.equal(rig.send({ target: "/-/health" }).status, 503);
  assert.equal((await rig.ask({ target: "/a" })).status, 200);
});

test("a gateway that has joined no cluster answers 503, and calls as soon as it has", async () => {
  const rig = await rigOf();
  rig.hasJoined = false;
  assertProblem(await rig.ask({ target: "/a" }), 503);
  rig.hasJoined = true;
  assert.equal((await rig.ask({ target: "/a" })).status, 200);
});

test("while the journal refuses, a plan denies, or lets through what it then counts as unmetered", async () => {
  const limit = { name: "day", per: "ip", quota: 3, window: "day" };
  const strict = await rigOf();
  strict.journal.become("failing");
  const refused = await strict.ask({ target: "/a" });
  assertProblem(refused, 503);
  assert.equal(refused.header("retry-after"), "1");
  assert.deepEqual(strict.used({}), { day: 0 });

  const open = await rigOf({
    plans: { anonymous: { limits: [{ ...limit, onFailure: "allow" }] } },
  });
  open.journal.become("failing");
  for (let i = 0; i < 5; i++) assert.equal((await open.ask({ target: "/a" })).status, 200);
  assert.equal(open.meter.unmeteredCalls, 5);
  assert.deepEqual(open.used({}), { day: 0 });
  assert.equal(open.counts.get("tallygate_requests_total{sydney,/{ip},unmetered}"), 5);
});

test("a view that is too old for a limit refuses its calls", async () => {
  const limits = [{ name: "day", per: "ip", quota: 3, window: "day", staleness: "5s" }];
  const rig = await rigOf({ plans: { anonymous: { limits } } });
  rig.cutOffMs = 5_000;
  assert.equal((await rig.ask({ target: "/a" })).status, 200);
  rig.cutOffMs = 5_001;
  assertProblem(await rig.ask({ target: "/a" }), 503);
});

test("a handler is told who calls, also long after", async () => {
  const calls: HandlerCall[] = [];
  const rig = await PipelineRig.create({
    handlers: {
      "./handler.ts": (_request, call) => {
        calls.push(call);
        return new FakeResponse("");
      },
    },
  });
  const key = rig.key({ keyId: "k_one", owner: "acme" });
  await rig.ask({ target: "/a%20b", headers: withKey(key), peer: "::ffff:192.0.2.5" });
  await rig.ask({ target: "/other", peer: "2001:db8::7" });
  const [keyed, anonymous] = calls;
  assert.deepEqual(keyed?.caller, { kind: "keyed", keyId: "k_one", owner: "acme" });
  assert.equal(keyed?.params["ip"], "a b");
  assert.equal(keyed?.plan, "pro");
  assert.equal(keyed?.region, "sydney");
  assert.equal(keyed?.clientAddress, "192.0.2.5");
  assert.deepEqual(anonymous?.caller, { kind: "anonymous", keyId: "", owner: "" });
  assert.equal(anonymous?.clientAddress, "2001:db8::7");
  assert.notEqual(keyed?.requestId, anonymous?.requestId);
});

test("a changed configuration holds from the next call on and keeps what was used", async () => {
  const rig = await rigOf();
  await rig.ask({ target: "/a" });
  await rig.ask({ target: "/a" });
  const raised = await rigOf({
    plans: { anonymous: { limits: [{ name: "day", per: "ip", quota: 9, window: "day" }] } },
  });
  (await rig.pipeline.prepare(raised.config))();
  const exchange = await rig.ask({ target: "/a" });
  assert.equal(exchange.header("RateLimit"), '"day";r=6;t=43200');
});

test("what a bug throws is a 500 for its call only", async () => {
  const rig = await rigOf();
  rig.meter.charge = () => {
    throw new Error("a bug");
  };
  assertProblem(await rig.ask({ target: "/a" }), 500);
  assert.equal(rig.logged.length, 1);
});
