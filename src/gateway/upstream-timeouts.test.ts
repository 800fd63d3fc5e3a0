import assert from "node:assert/strict";
import { test } from "node:test";
import { ending, FakeUpstreams, readBody } from "./testing/fake-network.ts";
import { passOverMs } from "./upstream-run.ts";
import { sweepIntervalMs } from "./upstream-set.ts";

const [a, b, c] = ["http://10.0.0.1:80", "http://10.0.0.2:80", "http://10.0.0.3:80"];

function upstreams(u: Readonly<Record<string, unknown>> = {}): FakeUpstreams {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: [a, b], ...u } });
  return fake;
}

test("a target that does not accept the connection is passed over within a second, if there is another", () => {
  const fake = upstreams();
  const client = fake.call();
  const [first] = fake.tries;
  fake.pass(passOverMs - 1);
  assert.equal(fake.tries.length, 1);
  fake.pass(sweepIntervalMs);
  assert.equal(first?.isCancelled, true);
  fake.last.answer(200);
  assert.equal(ending(client), "completed");
  const alone = upstreams({ targets: [a], connectTimeout: "2s" });
  const slow = alone.call();
  alone.pass(1_999);
  assert.equal(slow.end, undefined);
  alone.pass(sweepIntervalMs);
  assert.equal(ending(slow), "slow not-attempted");
});

const timeouts: [string, string, (fake: FakeUpstreams) => void, number][] = [
  // phase, field, what comes before, ms
  ["connecting", "connectTimeout", () => {}, 400],
  ["head", "responseTimeout", ({ last }) => last.send(), 400],
  [
    "body",
    "idleTimeout",
    ({ last }) => {
      last.send();
      last.sink.started(200, []);
    },
    400,
  ],
  [
    "whole",
    "timeout",
    ({ last }) => {
      last.send();
      last.sink.started(200, []);
    },
    400,
  ],
];

test("each phase ends with its time-out, and none hangs", () => {
  for (const [phase, field, before, ms] of timeouts) {
    const fake = upstreams({ targets: [a], [field]: `${ms}ms` });
    const client = fake.call();
    before(fake);
    fake.pass(ms - 1);
    assert.equal(client.end, undefined, phase);
    fake.pass(2 * sweepIntervalMs);
    assert.match(ending(client) ?? "", /^slow/, phase);
    assert.equal(fake.last.isCancelled, true, phase);
  }
});

test("a call that is sent at once has its whole time-out for the reply's head", () => {
  const fake = upstreams({ targets: [a], responseTimeout: "1s" });
  const client = fake.call();
  fake.last.send();
  fake.pass(999);
  assert.equal(client.end, undefined);
});

test("a body that keeps coming, or that the client is slow to take, is not idle", () => {
  const fake = upstreams({ targets: [a], idleTimeout: "1s" });
  const client = fake.call();
  fake.last.send();
  fake.last.sink.started(200, []);
  for (let i = 0; i < 10; i++) {
    fake.pass(900);
    fake.last.sink.received(new Uint8Array(1));
  }
  client.call.pause();
  fake.pass(60_000);
  assert.equal(client.end, undefined);
  client.call.resume();
  fake.pass(900);
  assert.equal(client.end, undefined);
  fake.pass(200);
  assert.equal(ending(client), "slow attempted");
});

test("event streams that fall silent end in time, and the target is not blamed for them; other bodies are its fault", () => {
  for (const [type, isBlamed] of [
    ["text/event-stream; charset=utf-8", false],
    ["application/json", true],
  ] as const) {
    const fake = upstreams({ idleTimeout: "1s", ejection: { failures: 1 } });
    const clients = [fake.call(), fake.call()];
    for (const { sink } of fake.tries) sink.started(200, ["Content-Type", type]);
    fake.pass(1_100);
    for (const client of clients) assert.match(ending(client) ?? "", /^slow/, type);
    const next = fake.call();
    assert.equal(ending(next)?.startsWith("unavailable"), isBlamed ? true : undefined, type);
  }
});

test("a long upload is not a slow upstream", async () => {
  const fake = upstreams({ targets: [a], responseTimeout: "1s", connectTimeout: "100ms" });
  const gate = { open: () => {} };
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 10; i++) {
      await new Promise<void>((resolve) => {
        gate.open = resolve;
      });
      yield new Uint8Array(1);
    }
  }
  const client = fake.call({ method: "POST", body: slowly() });
  fake.last.send();
  const reading = readBody(fake.last.request.body);
  for (let i = 0; i < 10; i++) {
    await fake.settle();
    fake.pass(900);
    gate.open();
    await fake.settle();
    fake.pass(sweepIntervalMs);
    assert.equal(client.end, undefined, String(i));
  }
  await reading;
  fake.pass(1_100);
  assert.equal(ending(client), "slow attempted");
});

test("a client that stops in the middle of its body is not a slow upstream", async () => {
  const fake = upstreams({ targets: [a], responseTimeout: "1s", connectTimeout: "100ms" });
  const gate = { open: () => {} };
  async function* held(): AsyncGenerator<Uint8Array> {
    await new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    yield new Uint8Array(1);
  }
  const client = fake.call({ method: "POST", body: held() });
  fake.last.send();
  const reading = readBody(fake.last.request.body);
  await fake.settle();
  for (let i = 0; i < 20; i++) fake.pass(900);
  assert.equal(client.end, undefined, "how long it may take is the listener's business");
  gate.open();
  await reading;
  fake.pass(900);
  assert.equal(client.end, undefined);
  fake.pass(200);
  assert.equal(ending(client), "slow attempted");
});

test("nor is one that stops in it when the reply's head is there an idle upstream", async () => {
  const fake = upstreams({ targets: [a], idleTimeout: "1s" });
  const gate = { open: () => {} };
  async function* held(): AsyncGenerator<Uint8Array> {
    await new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    yield new Uint8Array(1);
  }
  const client = fake.call({ method: "POST", body: held() });
  fake.last.send();
  const reading = readBody(fake.last.request.body);
  await fake.settle();
  fake.last.sink.started(200, []);
  for (let i = 0; i < 20; i++) fake.pass(900);
  assert.equal(client.end, undefined);
  gate.open();
  await reading;
  fake.pass(900);
  assert.equal(client.end, undefined);
  fake.pass(200);
  assert.equal(ending(client), "slow attempted");
});

test("all tries together end within the time-outs of one", () => {
  const fake = upstreams({ targets: [a, b, c], responseTimeout: "1s", connectTimeout: "1s" });
  const client = fake.call();
  const startMs = fake.nowMs;
  for (let i = 0; i < 60 && client.end === undefined; i++) {
    fake.last.send();
    fake.pass(100);
  }
  assert.match(ending(client) ?? "", /^slow attempted/);
  const tookMs = fake.nowMs - startMs;
  assert.ok(tookMs <= 2_000 + 2 * 100, String(tookMs));
});
