/** What a client that sends or takes slowly may keep of an upstream. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyAheadMaxBytes } from "./body-ahead.ts";
import type { FakeExchange, FakeRequest } from "./testing/fake-exchange.ts";
import { FakeUpstreams, readBody } from "./testing/fake-network.ts";
import { PipelineRig, type RigOptions } from "./testing/pipeline-rig.ts";
import { clientWaitMsMin } from "./upstream-room.ts";

const target = "/api/users/7";
const connectionsMax = 10;
/** Four fifths of them. */
const anonymousMax = 8;

interface Variation extends Pick<RigOptions, "upstreams"> {
  readonly connectionsMax?: number;
  readonly refundOn?: readonly string[];
}

function rigOf({ refundOn = ["not-attempted"], ...more }: Variation = {}): Promise<PipelineRig> {
  const limits = [{ name: "day", per: "ip", quota: 1_000, window: "day" }];
  const users = { targets: ["http://127.0.0.1:8091"], connectionsMax };
  return PipelineRig.create({
    ...(more.upstreams && { upstreams: more.upstreams }),
    config: {
      upstreams: { users: { ...users, connectionsMax: more.connectionsMax ?? connectionsMax } },
      routes: [{ path: "/api/users/*", upstream: "users", refundOn }],
      plans: {
        anonymous: { limits },
        pro: { limits: [{ ...limits[0], per: "key" }] },
      },
    },
  });
}

/** A body whose parts come when the test says so. */
class SlowBody implements AsyncIterable<Uint8Array> {
  readonly #parts: (number | undefined)[] = [];
  #wake: (() => void) | undefined;

  /** So many bytes; none: the end. */
  comes(bytes?: number): void {
    this.#parts.push(bytes);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (this.#parts.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      const bytes = this.#parts.shift();
      if (bytes === undefined) return;
      yield new Uint8Array(bytes);
    }
  }
}

function post(body: SlowBody, more: Partial<FakeRequest> = {}): FakeRequest {
  return { method: "POST", target, headers: ["Content-Length", "50000"], body, ...more };
}

async function sizeOf(body: AsyncIterable<Uint8Array> | undefined): Promise<number> {
  let bytes = 0;
  for await (const part of body ?? []) bytes += part.byteLength;
  return bytes;
}

/** Answers the newest call with more than its client takes. */
async function stall(rig: PipelineRig, request: FakeRequest): Promise<FakeExchange> {
  const exchange = rig.send(request);
  const call = rig.forwarded.at(-1);
  assert.ok(call !== undefined && exchange.state === "open", exchange.text);
  exchange.hasRoom = false;
  rig.journal.store();
  call.sink.started(200, []);
  call.sink.received(new Uint8Array(10));
  assert.equal(call.isPaused, true);
  return exchange;
}

test("an upstream is asked when a short body is here as a whole", async () => {
  const rig = await rigOf();
  const body = new SlowBody();
  rig.send(post(body));
  for (const bytes of [1, 2, 3]) {
    body.comes(bytes);
    await rig.settle();
    assert.equal(rig.forwarded.length, 0);
  }
  body.comes();
  await rig.settle();
  assert.equal(await sizeOf(rig.forwarded[0]?.request.body), 6);
});

test("and when the beginning of a long one is here", async () => {
  const rig = await rigOf();
  const body = new SlowBody();
  rig.send(post(body));
  body.comes(bodyAheadMaxBytes - 1);
  await rig.settle();
  assert.equal(rig.forwarded.length, 0);
  body.comes(1);
  await rig.settle();
  assert.equal(rig.forwarded.length, 1);
  const size = sizeOf(rig.forwarded[0]?.request.body);
  body.comes(5);
  body.comes();
  assert.equal(await size, bodyAheadMaxBytes + 5);
});

test("and at the first chunk, since a conversation may follow", async () => {
  const rig = await rigOf();
  const body = new SlowBody();
  rig.send(post(body, { headers: ["Transfer-Encoding", "chunked"] }));
  await rig.settle();
  assert.equal(rig.forwarded.length, 0);
  body.comes(1);
  await rig.settle();
  assert.equal(rig.forwarded.length, 1);
});

test("however many clients send slowly, the others have the room that they had", async () => {
  const rig = await rigOf();
  const bodies = Array.from({ length: 200 }, () => new SlowBody());
  const slow = bodies.map((body) => rig.send(post(body)));
  await rig.settle();
  for (let i = 0; i < 4; i++) assert.equal(rig.send({ target }).state, "open");
  assert.equal(rig.forwarded.length, 4);
  slow[0]?.leave();
  bodies[1]?.comes();
  await rig.settle();
  assert.equal(rig.forwarded.length, 5, "one that is whole goes");
});

const outcomes = (rig: PipelineRig, outcome: string): number | undefined =>
  rig.counts.get(`tallygate_requests_total{sydney,/api/users/*,${outcome}}`);

test("an upload without a key that finds no connection free is shed, and costs nothing", async () => {
  const rig = await rigOf({ refundOn: [] });
  const bodies = Array.from({ length: anonymousMax + 1 }, () => new SlowBody());
  const calls = bodies.map((body) => rig.send(post(body)));
  for (const body of bodies) body.comes(bodyAheadMaxBytes);
  await rig.settle();
  rig.journal.store();
  assert.equal(rig.forwarded.length, anonymousMax);
  const refused = calls.at(-1);
  assert.equal(refused?.status, 503);
  assert.equal(refused?.header("x-tallygate-outcome"), "not-attempted");
  assert.equal(outcomes(rig, "shed"), 1);
  assert.deepEqual(rig.used({}), { day: anonymousMax });
});

test("one with a key waits for a connection, as calls without a body do", async () => {
  const rig = await rigOf();
  const headers = ["X-Api-Key", rig.key(), "Content-Length", "50000"];
  const bodies = Array.from({ length: connectionsMax + 1 }, () => new SlowBody());
  for (const body of bodies) rig.send(post(body, { headers }));
  for (const body of bodies) body.comes(bodyAheadMaxBytes);
  await rig.settle();
  assert.equal(rig.forwarded.length, connectionsMax + 1);
});

test("an upload for which there would be no room is refused before it is charged, and cuts off nobody", async () => {
  const rig = await rigOf();
  const slow: FakeExchange[] = [];
  for (let i = 0; i < anonymousMax; i++) slow.push(await stall(rig, { target }));
  assert.equal(rig.send(post(new SlowBody())).status, 503);
  assert.deepEqual(rig.used({}), { day: anonymousMax });
  rig.pass(clientWaitMsMin);
  const body = new SlowBody();
  const upload = rig.send(post(body));
  assert.equal(slow[0]?.state, "streaming", "its body may never come");
  body.comes();
  await rig.settle();
  assert.deepEqual([slow[0]?.state, upload.state], ["aborted", "open"]);
});

test("short bodies whose ends come together are held against the limit like other calls", async () => {
  const rig = await rigOf({ connectionsMax: 256 });
  const bodies = Array.from({ length: 200 }, () => new SlowBody());
  const calls = bodies.map((body) => rig.send(post(body)));
  for (const body of bodies) body.comes(2);
  await rig.settle();
  assert.equal(rig.forwarded.length, 0);
  for (const body of bodies) body.comes();
  await rig.settle();
  rig.journal.store();
  const limit = rig.forwarded.length;
  assert.ok(limit > 0 && limit < 60, `${limit} of 200 at once`);
  assert.equal(calls.filter(({ status }) => status === 503).length, 200 - limit);
  assert.equal(outcomes(rig, "shed"), 200 - limit);
  assert.deepEqual(rig.used({}), { day: limit });
});

test("a body whose parts come before and after a reload reaches the upstream that its call began with", async () => {
  const fake = new FakeUpstreams();
  const rig = await rigOf({ upstreams: fake.set });
  const body = new SlowBody();
  const exchange = rig.send(post(body));
  body.comes(1);
  await rig.settle();
  // The same file read again: nothing of what it is made of is the same object.
  const use = await rig.pipeline.prepare((await rigOf()).config);
  use();
  const routes = [{ path: "/", handler: "./handler.ts" }];
  const without = await PipelineRig.create({ config: { upstreams: {}, routes } });
  const lose = await rig.pipeline.prepare(without.config);
  lose();
  assert.deepEqual(fake.retired, []);
  body.comes(1);
  body.comes();
  await rig.settle();
  assert.equal((await readBody(fake.last.request.body)).length, 2);
  fake.last.answer(200, "taken");
  rig.journal.store();
  assert.deepEqual([exchange.status, exchange.text], [200, "taken"]);
  assert.deepEqual(fake.retired, ["127.0.0.1"]);
});

test("a bug while a call is forwarded is a 500 for it only", async () => {
  const rig = await rigOf();
  const body = new SlowBody();
  const headers = ["X-Api-Key", rig.key(), "Content-Length", "1"];
  const exchange = rig.send(post(body, { headers }));
  rig.forwarded.push = () => {
    throw new Error("a bug");
  };
  body.comes();
  await rig.settle();
  const whole = rig.send({ target, headers: headers.slice(0, 2) });
  rig.journal.store();
  assert.deepEqual([exchange.status, whole.status], [500, 500]);
  assert.equal(rig.logged.length, 2);
});

test("readers without a key keep a part of the connections at most", async () => {
  const rig = await rigOf();
  for (let i = 0; i < anonymousMax; i++) await stall(rig, { target });
  assert.equal(rig.send({ target }).status, 503);
  const headers = ["X-Api-Key", rig.key()];
  assert.equal(rig.send({ target, headers }).state, "open");
});

test("where no connection is free the one that has waited longest for its client goes, none that has not for long", async () => {
  const rig = await rigOf();
  const slow: FakeExchange[] = [];
  for (let i = 0; i < anonymousMax; i++) {
    slow.push(await stall(rig, { target }));
    rig.pass(10);
  }
  assert.equal(rig.send({ target }).status, 503, "nobody has waited for long");
  // The first takes all it was sent; the next does not.
  slow[0]?.drain();
  rig.pass(clientWaitMsMin);
  assert.equal(rig.send({ target }).state, "open");
  assert.deepEqual(
    slow.map(({ state }) => state === "aborted"),
    slow.map((_, i) => i === 1),
  );
  assert.equal(rig.forwarded[1]?.isCancelled, true);
  assert.equal(rig.counts.get("tallygate_slow_clients_cut_off_total{sydney,users}"), 1);
});

test("an upload that stops gives way as well: 503, and the charge stays", async () => {
  const rig = await rigOf();
  const headers = ["X-Api-Key", rig.key(), "Content-Length", "50000"];
  const bodies = Array.from({ length: connectionsMax }, () => new SlowBody());
  const calls = bodies.map((body) => rig.send(post(body, { headers })));
  for (const body of bodies) body.comes(bodyAheadMaxBytes);
  await rig.settle();
  rig.journal.store();
  for (const call of rig.forwarded) {
    call.attempted = true;
    void sizeOf(call.request.body);
  }
  await rig.settle();
  rig.pass(clientWaitMsMin);
  rig.send({ target, headers: headers.slice(0, 2) });
  assert.equal(calls[0]?.status, 503);
  assert.equal(calls[0]?.header("x-tallygate-outcome"), "attempted");
  assert.equal(outcomes(rig, "shed"), 1);
  assert.deepEqual(rig.used({ headers }), { day: connectionsMax + 1 });
});

for (const refundOn of [["5xx"], []]) {
  test(`a reply that is cut off is told as shed; given back where broken ones are (refundOn: [${refundOn.join()}])`, async () => {
    const rig = await rigOf({ refundOn });
    const slow: FakeExchange[] = [];
    for (let i = 0; i < anonymousMax; i++) slow.push(await stall(rig, { target }));
    rig.pass(clientWaitMsMin);
    assert.equal(rig.send({ target }).state, "open");
    assert.equal(slow[0]?.state, "aborted");
    assert.equal(outcomes(rig, "shed"), 1);
    assert.deepEqual(rig.used({}), { day: anonymousMax + 1 - refundOn.length });
  });
}

test("an upload that breaks off after the reply's head is the client's doing: not given back, and no upstream's failure", async () => {
  const rig = await rigOf({ refundOn: ["5xx"] });
  const body = new SlowBody();
  const exchange = rig.send(post(body));
  body.comes(bodyAheadMaxBytes);
  await rig.settle();
  rig.journal.store();
  rig.forwarded[0]?.sink.started(200, []);
  rig.forwarded[0]?.sink.failed({ kind: "body", attempted: true, cause: undefined });
  assert.equal(exchange.state, "aborted");
  assert.equal(outcomes(rig, "malformed"), 1);
  assert.deepEqual(rig.used({}), { day: 1 });
});
