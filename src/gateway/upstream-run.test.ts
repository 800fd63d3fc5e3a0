import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { replayedBodyMaxBytes } from "../upstreams/retry-policy.ts";
import { FakeStream } from "./testing/fake-exchange.ts";
import { ending, FakeUpstreams, readBody } from "./testing/fake-network.ts";

const [a, b, c] = ["http://10.0.0.1:80", "http://10.0.0.2:80", "http://10.0.0.3:80"];

function upstreams(u: Readonly<Record<string, unknown>> = {}, others = {}): FakeUpstreams {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: [a, b], ...u }, ...others });
  return fake;
}

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test("a target that cannot be reached is failed over from, whatever the method, without the budget", () => {
  const fake = upstreams();
  for (let i = 0; i < 2; i++) {
    const client = fake.call({ method: "POST" });
    fake.last.fail("unreachable");
    fake.last.answer(200, "ok");
    assert.equal(client.text, "ok");
    assert.equal(ending(client), "completed");
  }
  const [first, second] = fake.tries;
  assert.notEqual(first?.address, second?.address);
  assert.equal(fake.counts.get("tallygate_upstream_retries_total{u,elsewhere}"), 2);
});

test("what was sent is sent again if its method is idempotent, else never", () => {
  for (const [method, tries] of [
    ["GET", 2],
    ["DELETE", 2],
    ["POST", 1],
    ["PATCH", 1],
  ] as const) {
    const fake = upstreams();
    const client = fake.call({ method });
    fake.last.send();
    fake.last.fail("bad");
    assert.equal(fake.tries.length, tries, method);
    if (tries === 1) assert.equal(ending(client), "bad attempted");
    else {
      fake.last.fail("unreachable");
      assert.equal(ending(client), "unreachable attempted", "an earlier try was sent");
    }
  }
});

test("one call is tried three times at most", () => {
  const fake = upstreams({ targets: [a, b, c, "http://10.0.0.4"] });
  const client = fake.call();
  for (let i = 0; i < 3; i++) fake.last.fail("unreachable");
  assert.equal(ending(client), "unreachable not-attempted");
  assert.equal(new Set(fake.tries.map(({ address }) => address)).size, 3);
});

test("what was sent is sent again for a tenth of the calls, not more", () => {
  const fake = upstreams({ ejection: { failures: 1_000 } });
  let failed = 0;
  for (let i = 0; i < 200; i++) {
    const client = fake.call();
    while (client.end === undefined) {
      fake.last.send();
      fake.last.fail("bad");
    }
    failed++;
    fake.pass(10);
  }
  assert.equal(failed, 200);
  assert.ok(fake.tries.length <= 220, String(fake.tries.length));
  assert.ok(fake.tries.length >= 215, String(fake.tries.length));
});

test("nothing is tried again once the reply has begun", () => {
  const fake = upstreams();
  const client = fake.call();
  fake.last.send();
  fake.last.sink.started(200, []);
  fake.last.fail("bad");
  assert.equal(fake.tries.length, 1);
  assert.equal(client.status, 200);
  assert.equal(ending(client), "bad attempted");
});

test("a 503 is asked of another target, and passed on if there is none; a 500 is an answer", () => {
  const fake = upstreams();
  const client = fake.call();
  const [first] = fake.tries;
  first?.answer(503, "busy");
  assert.equal(first?.isCancelled, true);
  fake.last.answer(503, "busy, too");
  assert.equal(client.status, 503);
  assert.equal(client.text, "busy, too");
  const other = upstreams().call();
  assert.equal(ending(other), undefined);
  const plain = upstreams();
  const answered = plain.call();
  plain.last.answer(500, "bug");
  assert.equal(answered.status, 500);
  assert.equal(plain.tries.length, 1);
});

test("a body is sent again as long as all of it is kept, and only then", async () => {
  const long = "x".repeat(replayedBodyMaxBytes);
  for (const [body, tries] of [
    [["one ", "two"], 2],
    [[long], 2],
    [[long, "y"], 1],
  ] as const) {
    const fake = upstreams();
    const client = fake.call({ method: "PUT", body: parts(...body) });
    fake.last.send();
    assert.equal(await readBody(fake.last.request.body), body.join(""));
    fake.last.fail("bad");
    assert.equal(fake.tries.length, tries, String(body[0]?.length));
    if (tries === 2) {
      assert.equal(await readBody(fake.last.request.body), body.join(""));
      fake.last.answer(200);
    }
    assert.equal(ending(client), tries === 2 ? "completed" : "bad attempted");
  }
});

test("a body that was half read goes on from where it was", async () => {
  const fake = upstreams();
  fake.call({ method: "PUT", body: parts("one ", "two ", "three") });
  fake.last.send();
  const reader = fake.last.request.body?.[Symbol.asyncIterator]();
  await reader?.next();
  fake.last.fail("bad");
  assert.equal(await readBody(fake.last.request.body), "one two three");
});

test("a long body that no byte was read of goes to another target", async () => {
  const fake = upstreams();
  const body = parts("x".repeat(100_000), "y");
  const client = fake.call({ method: "POST", body });
  fake.last.fail("unreachable");
  assert.equal((await readBody(fake.last.request.body)).length, 100_001);
  fake.last.answer(201);
  assert.equal(client.status, 201);
});

test("a client whose body breaks off is no fault of the target's", async () => {
  const fake = upstreams({ ejection: { failures: 1 } });
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    throw new Error("gone");
  }
  const client = fake.call({ method: "PUT", body: broken() });
  fake.last.send();
  await assert.rejects(readBody(fake.last.request.body));
  fake.last.fail("bad");
  assert.equal(ending(client), "body attempted");
  assert.deepEqual(fake.logged, []);
});

test("when all targets are out, a call is refused at once and told when to come again; then one is let through", () => {
  const fake = upstreams({ ejection: { failures: 1, time: "2s" } });
  fake.call();
  fake.last.fail("unreachable");
  fake.last.fail("unreachable");
  fake.pass(500);
  const refused = fake.call();
  assert.equal(ending(refused), "unavailable not-attempted");
  assert.equal(typeof refused.end === "object" && refused.end.waitMs, 1_500);
  assert.equal(fake.tries.length, 2);
  fake.pass(1_500);
  const trial = fake.call({ method: "POST" });
  const second = fake.call({ method: "POST" });
  const third = fake.call();
  assert.equal(ending(third), "unavailable not-attempted", "one trial of each target at a time");
  for (const made of fake.tries.slice(2)) made.answer(200);
  assert.equal(ending(trial), "completed");
  assert.equal(ending(second), "completed");
  const after = fake.call();
  fake.last.answer(200);
  assert.equal(ending(after), "completed");
});

test("5xx replies take a target out while another is in service, never the last", () => {
  const fake = upstreams();
  for (let i = 0; i < 100; i++) {
    fake.call();
    fake.last.answer(fake.last.origin === a ? 500 : 200);
  }
  const late = fake.tries.slice(50).filter(({ origin }) => origin === a);
  assert.ok(late.length <= 1, String(late.length));
  const alone = upstreams({ targets: [a] });
  for (let i = 0; i < 100; i++) {
    alone.call();
    alone.last.answer(500);
  }
  assert.equal(alone.tries.length, 100);
});

test("a storm of 503 from all targets is stopped", () => {
  const fake = upstreams();
  const ends: (string | undefined)[] = [];
  for (let i = 0; i < 200; i++) {
    const client = fake.call();
    while (client.end === undefined) fake.last.answer(503);
    ends.push(client.status === 503 ? "503" : ending(client));
    fake.pass(5);
  }
  assert.ok(fake.tries.length <= 12, `${fake.tries.length} reached the targets`);
  assert.equal(ends.at(-1), "unavailable not-attempted");
});

test("a call that leaves frees its place, and the target is not blamed", () => {
  const fake = upstreams({ targets: [a], ejection: { failures: 1 } });
  const client = fake.call();
  fake.last.send();
  client.call.cancel();
  client.call.cancel();
  assert.equal(fake.last.isCancelled, true);
  assert.equal(client.call.attempted, true);
  assert.equal(fake.counts.get("tallygate_upstream_tries_total{u,0,left}"), 1);
  fake.pass(60_000);
  assert.equal(client.end, undefined);
  assert.deepEqual(fake.logged, []);
});

const kinds = ["unreachable", "bad", "slow", "503", "200", "500", "leave", "break"] as const;

test("I29, I30: whatever the targets do, a call ends once, and what is not idempotent is sent once", () => {
  const step = fc.constantFrom(...kinds);
  const method = fc.constantFrom("GET", "POST", "PUT", "PATCH");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(method, fc.array(step, { maxLength: 4 })), { maxLength: 40 }),
      (calls) => {
        const fake = upstreams(
          { targets: [a, b, c], fallback: "other" },
          { other: { targets: ["http://10.9.0.1"] } },
        );
        for (const [method, steps] of calls) {
          const before = fake.tries.length;
          const client = fake.call({ method });
          let hasLeft = false;
          for (const kind of [...steps, "200" as const, "200" as const, "200" as const]) {
            if (client.end !== undefined || hasLeft) break;
            const { last } = fake;
            if (kind === "unreachable") last.fail("unreachable");
            else if (kind === "slow") fake.pass(40_000);
            else if (kind === "leave") {
              client.call.cancel();
              hasLeft = true;
            } else {
              last.send();
              if (kind === "bad") last.fail("bad");
              else if (kind === "break") {
                last.sink.started(200, []);
                last.fail("bad");
              } else last.answer(Number(kind));
            }
          }
          assert.ok(client.end !== undefined || hasLeft);
          const tries = fake.tries.slice(before);
          assert.ok(tries.length <= 3);
          const sent = tries.filter(({ attempted }) => attempted).length;
          if (method === "POST" || method === "PATCH") assert.ok(sent <= 1);
          if (!hasLeft && typeof client.end === "object") {
            assert.equal(client.end.attempted, sent > 0);
          }
          fake.pass(100);
        }
      },
    ),
  );
});

test("WebSockets go to the target with the fewest open; one that is gone or let go of is not, and is none twice", () => {
  const fake = upstreams();
  const ignored = { data() {}, drain() {}, end() {}, closed() {} };
  const open = (): { origin: string; close: () => void } => {
    const client = fake.call({ isUpgrade: true });
    const { origin, sink } = fake.last;
    const stream = new FakeStream();
    sink.upgraded([], stream);
    client.stream?.listen(ignored);
    return { origin, close: () => client.stream?.destroy() };
  };
  const opened = Array.from({ length: 20 }, open);
  const onA = opened.filter(({ origin }) => origin === a);
  assert.equal(onA.length, 10);
  for (const { close } of onA) close();
  const next = Array.from({ length: 10 }, () => open().origin);
  assert.deepEqual(next, new Array<string>(10).fill(a));
});
