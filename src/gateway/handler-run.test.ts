import assert from "node:assert/strict";
import { test } from "node:test";
import type { Handler } from "../ports/handler.ts";
import { FakeResponse, PipelineRig } from "./testing/pipeline-rig.ts";

function rigOf(handler: Handler, route: Record<string, unknown> = {}): Promise<PipelineRig> {
  const routes = [{ path: "/{ip}", handler: "./handler.ts", ...route }];
  return PipelineRig.create({ config: { routes }, handlers: { "./handler.ts": handler } });
}

const never: Handler = () => new Promise(() => {});

test("whatever a handler does wrong is a 500 for its call, logged with the request id", async () => {
  const wrong: [string, unknown][] = [
    ["throws", () => assert.fail("on purpose")],
    ["rejects", () => Promise.reject(new Error("on purpose"))],
    ["returns nothing", () => undefined],
    ["returns null", () => null],
    ["returns a text", () => "hello"],
    ["resolves to no Response", () => Promise.resolve({ status: 200 })],
    ["an impossible status", () => new FakeResponse("", { status: 99 })],
    ["Response.error()", () => Response.error()],
  ];
  for (const [name, handler] of wrong) {
    const rig = await rigOf(handler as Handler);
    const exchange = await rig.ask({ target: "/a" });
    assert.equal(exchange.status, 500, name);
    assert.equal(exchange.json()["title"], "Internal error", name);
    assert.equal(rig.logged.length, 1, name);
    assert.equal(rig.logged[0]?.fields?.["requestId"], exchange.header("x-request-id"), name);
    assert.doesNotMatch(exchange.text, /on purpose/, name);
    assert.deepEqual(rig.used({}), { day: 1 }, `${name}: charged, as the route does not say 5xx`);
  }
});

test("a field that cannot stand in a reply is a 500", async () => {
  const rig = await rigOf(() => new FakeResponse("", { headers: ["x-bad", "a\nb"] }));
  const exchange = rig.send({ target: "/a" });
  const reply = exchange.reply.bind(exchange);
  exchange.reply = (status, headers, body) => {
    if (headers.includes("a\nb")) throw new TypeError("invalid character in header content");
    reply(status, headers, body);
  };
  rig.journal.store();
  assert.equal(exchange.status, 500);
});

test("a promise that does not settle is a 504 after the route's time-out; others go on", async () => {
  let calls = 0;
  const rig = await rigOf(
    (request, call) => (calls++ === 0 ? never(request, call) : new FakeResponse("fine")),
    { timeout: "2s" },
  );
  const hanging = await rig.ask({ target: "/a" });
  const other = await rig.ask({ target: "/b" });
  assert.equal(other.status, 200);
  rig.pass(1_999);
  assert.equal(hanging.state, "open");
  rig.pass(100);
  assert.equal(hanging.status, 504);
  assert.match(rig.logged[0]?.message ?? "", /did not answer in time/);
});

test("an answer that comes after its time-out is dropped", async () => {
  let resolve: (response: Response) => void = () => {};
  const rig = await rigOf(
    () =>
      new Promise((late) => {
        resolve = late;
      }),
  );
  const exchange = await rig.ask({ target: "/a" });
  rig.pass(30_001);
  assert.equal(exchange.status, 504);
  resolve(new FakeResponse("too late"));
  await rig.settle();
  assert.equal(exchange.status, 504);
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/{ip},timeout}"), 1);
});

test("5xx of a handler is given back where the route says so", async () => {
  const rig = await rigOf(() => new FakeResponse("", { status: 503 }), { refundOn: ["5xx"] });
  const exchange = await rig.ask({ target: "/a" });
  assert.equal(exchange.status, 503);
  assert.equal(exchange.header("RateLimit"), '"day";r=3;t=43200');
  assert.deepEqual(rig.used({}), { day: 0 });
});

test("a handler cannot set the gateway's fields or those of the connection", async () => {
  const names = ["connection", "transfer-encoding", "content-length", "ratelimit", "x-region"];
  const headers = [...names.flatMap((name) => [name, "evil"]), "x-own", "1"];
  const rig = await rigOf(() => new FakeResponse("hello", { headers }));
  const exchange = await rig.ask({ target: "/a" });
  assert.equal(exchange.replyHeaders.includes("evil"), false);
  assert.equal(exchange.header("x-own"), "1");
});

function streamOf(parts: readonly string[]) {
  const state = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts[state.pulled++];
        if (part === undefined) controller.close();
        else if (part === "!") controller.error(new Error("on purpose"));
        else controller.enqueue(new TextEncoder().encode(part));
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, state };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a stream is sent part by part, at the client's pace", async () => {
  const { body, state } = streamOf(["one ", "two ", "three"]);
  const rig = await rigOf(() => new Response(body));
  const exchange = rig.send({ target: "/a" });
  exchange.hasRoom = false;
  await turn();
  assert.equal(exchange.state, "open", "the head waits for the charge");
  assert.equal(state.pulled, 0);
  rig.journal.store();
  await turn();
  assert.equal(exchange.text, "one ");
  exchange.drain();
  await turn();
  assert.equal(exchange.text, "one two three");
  assert.equal(exchange.state, "ended");
});

test("a stream that fails breaks the connection; a client that leaves cancels it", async () => {
  const failing = streamOf(["one ", "!"]);
  const rig = await rigOf(() => new Response(failing.body));
  const broken = await rig.ask({ target: "/a" });
  await turn();
  assert.equal(broken.text, "one ");
  assert.equal(broken.state, "aborted");

  const long = streamOf(["one ", "two "]);
  const other = await rigOf(() => new Response(long.body));
  const exchange = other.send({ target: "/a" });
  exchange.hasRoom = false;
  other.journal.store();
  await turn();
  exchange.leave();
  await turn();
  assert.equal(long.state.cancelled, true);
  assert.equal(exchange.text, "one ");
});

test("a stream whose charge is not stored in time is cancelled, and its call a 503", async () => {
  const { body, state } = streamOf(["one"]);
  const rig = await rigOf(() => new Response(body));
  const exchange = rig.send({ target: "/a" });
  rig.pass(5_100);
  await turn();
  assert.equal(exchange.status, 503);
  assert.equal(state.cancelled, true);
  assert.deepEqual(rig.used({}), { day: 0 });
});
