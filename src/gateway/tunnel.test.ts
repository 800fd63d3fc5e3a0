import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeExchange, FakeStream } from "./testing/fake-exchange.ts";
import { type Forwarded, PipelineRig } from "./testing/pipeline-rig.ts";

interface Opened {
  readonly rig: PipelineRig;
  readonly exchange: FakeExchange;
  readonly client: FakeStream;
  readonly upstream: FakeStream;
}

/** An upgrade that the upstream has agreed to. */
async function opened(isStored = true): Promise<Opened> {
  const users = { targets: ["http://127.0.0.1:8091"], webSocket: true, idleTimeout: "10s" };
  const rig = await PipelineRig.create({ config: { upstreams: { users } } });
  const exchange = rig.send({ target: "/api/users/7", asksUpgrade: true });
  const forwarded = rig.forwarded[0] as Forwarded;
  assert.equal(forwarded.request.isUpgrade, true);
  const upstream = new FakeStream();
  forwarded.attempted = true;
  forwarded.sink.upgraded(["Sec-WebSocket-Accept", "x", "Connection", "Upgrade"], upstream);
  if (isStored) rig.journal.store();
  return { rig, exchange, client: exchange.stream, upstream };
}

test("the 101 leaves when the charge is stored, and nothing is passed on before", async () => {
  const { rig, exchange, upstream } = await opened(false);
  assert.equal(exchange.status, 0);
  assert.equal(upstream.on, undefined);
  rig.journal.store();
  assert.equal(exchange.status, 101);
  assert.equal(exchange.header("sec-websocket-accept"), "x");
  assert.equal(exchange.header("connection"), undefined, "the listener's own");
  assert.deepEqual(rig.used({}), { day: 1 });
});

test("each side is held back by the other", async () => {
  const { client, upstream } = await opened();
  client.comes("ping");
  assert.equal(upstream.text, "ping");
  client.hasRoom = false;
  upstream.comes("pong");
  assert.equal(client.text, "pong");
  assert.equal(upstream.isPaused, true);
  client.on?.drain();
  assert.equal(upstream.isPaused, false);
});

test("one side's end is the other's, and the call is over when either is gone", async () => {
  const { rig, client, upstream } = await opened();
  upstream.on?.end();
  assert.equal(client.isEnded, true);
  assert.equal(client.isDestroyed, false);
  client.destroy();
  assert.equal(upstream.isDestroyed, true);
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/api/users/*,admitted}"), 1);
});

test("silence ends it, bytes do not let it", async () => {
  const { rig, client, upstream } = await opened();
  for (let i = 0; i < 5; i++) {
    rig.pass(9_000);
    client.comes("x");
    rig.pass(9_000);
    upstream.comes("y");
  }
  assert.equal(client.isDestroyed, false);
  rig.pass(10_100);
  assert.equal(client.isDestroyed, true);
  assert.equal(upstream.isDestroyed, true);
});

test("a client that leaves before its 101, or a charge that is not stored, lets go of the upstream", async () => {
  const left = await opened(false);
  left.exchange.leave();
  assert.equal(left.upstream.isDestroyed, true);
  const unstored = await opened(false);
  unstored.rig.pass(5_100);
  assert.equal(unstored.exchange.status, 503);
  assert.equal(unstored.upstream.isDestroyed, true);
  assert.deepEqual(unstored.rig.used({}), { day: 0 });
});
