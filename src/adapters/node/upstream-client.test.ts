import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { UpstreamConfig } from "../../access/compiled-config.ts";
import { present } from "../../base/assert.ts";
import { waitingCallsMax } from "../../gateway/upstream-group.ts";
import type { UpstreamCall, UpstreamClient, UpstreamRequest } from "../../ports/upstream.ts";
import { compiledUpstreams, realUpstreams } from "./testing/real-upstreams.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serve(t: TestContext, answer: Answer): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function clientOf(t: TestContext): UpstreamClient {
  const client = realUpstreams();
  t.after(() => client.close());
  return client;
}

/** One try, and short time-outs. */
function upstream(fields: {
  readonly targets: readonly string[];
  readonly [field: string]: unknown;
}): UpstreamConfig {
  const times = { connectTimeout: "500ms", responseTimeout: "500ms", idleTimeout: "500ms" };
  const u = { tries: 1, connectionsMax: 4, ...times, ...fields };
  return present(compiledUpstreams({ u }).get("u"), "the upstream");
}

interface Outcome {
  status: number;
  headers: string[];
  text: string;
  /** `completed`, or kind and attempted of the failure. */
  end: string;
}

/** Forwards and collects everything. `watch` sees the call, and each part as it comes. */
function forward(
  client: UpstreamClient,
  config: UpstreamConfig,
  request: Partial<UpstreamRequest> = {},
  watch: { part?: (call: UpstreamCall) => void } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { status: 0, headers: [], text: "", end: "" };
    client.retain([config]);
    const call = client.forward(
      config,
      { method: "GET", target: "/", headers: [], body: undefined, isUpgrade: false, ...request },
      {
        started(status, headers) {
          outcome.status = status;
          outcome.headers = headers;
        },
        received(bytes) {
          outcome.text += Buffer.from(bytes).toString();
          watch.part?.(call);
        },
        completed() {
          outcome.end = "completed";
          resolve(outcome);
        },
        failed({ kind, attempted }) {
          outcome.end = `${kind} ${attempted ? "attempted" : "not attempted"}`;
          resolve(outcome);
        },
        upgraded() {},
      },
    );
  });
}

test("request and reply pass through with their fields and bodies", async (t) => {
  const { origin } = await serve(t, async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const { method, url, rawHeaders } = request;
    response.writeHead(201, ["X-A", "1", "x-a", "2", "Set-Cookie", "a=b", "set-cookie", "c=d"]);
    response.end(JSON.stringify({ method, url, rawHeaders, text }));
  });
  async function* body() {
    yield Buffer.from("one ");
    yield Buffer.from("two");
  }
  const client = clientOf(t);
  const outcome = await forward(client, upstream({ targets: [origin] }), {
    method: "POST",
    target: "/a%20b?c=%zz",
    headers: ["x-one", "1", "X-One", "ä", "content-length", "7"],
    body: body(),
  });
  assert.equal(outcome.end, "completed");
  assert.equal(outcome.status, 201);
  assert.deepEqual(outcome.headers.slice(0, 8), [
    "X-A",
    "1",
    "x-a",
    "2",
    "Set-Cookie",
    "a=b",
    "set-cookie",
    "c=d",
  ]);
  const seen = JSON.parse(outcome.text) as { rawHeaders: string[] };
  assert.deepEqual(
    { ...seen, rawHeaders: [] },
    { method: "POST", url: "/a%20b?c=%zz", rawHeaders: [], text: "one two" },
  );
  const fields = seen.rawHeaders.join("|");
  assert.match(fields, /host\|127\.0\.0\.1:\d+/i);
  assert.match(fields, /x-one\|1\|X-One\|ä/);
  assert.match(fields, /content-length\|7/i);
});

test("targets take turns, and redirects are not followed", async (t) => {
  const first = await serve(t, (_request, response) =>
    response.writeHead(302, ["location", "http://169.254.169.254/"]).end(),
  );
  const second = await serve(t, (_request, response) => response.end("2"));
  const client = clientOf(t);
  const config = upstream({ targets: [first.origin, second.origin] });
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await forward(client, config)).status);
  assert.deepEqual(statuses, [302, 200, 302, 200]);
});

test("an upstream that is down is unreachable, and nothing was attempted", async (t) => {
  const { server, origin } = await serve(t, () => {});
  await new Promise((resolve) => server.close(resolve));
  const outcome = await forward(clientOf(t), upstream({ targets: [origin] }));
  assert.equal(outcome.end, "unreachable not attempted");
});

test("a body that was on its way to an upstream that is down can still be answered", async (t) => {
  const { server, origin } = await serve(t, () => {});
  await new Promise((resolve) => server.close(resolve));
  let closed = false;
  async function* body() {
    try {
      yield Buffer.from("one");
    } finally {
      closed = true;
    }
  }
  const request = { method: "POST", headers: ["content-length", "3"], body: body() };
  const outcome = await forward(clientOf(t), upstream({ targets: [origin] }), request);
  assert.equal(outcome.end, "unreachable not attempted");
  assert.equal(closed, false, "it was not even begun");
});

test("a silent upstream is slow, before its head and in its body", async (t) => {
  const { origin } = await serve(t, (request, response) => {
    if (request.url === "/body") response.write("half");
  });
  const client = clientOf(t);
  const config = upstream({ targets: [origin], responseTimeout: "200ms", idleTimeout: "200ms" });
  assert.equal((await forward(client, config)).end, "slow attempted");
  const half = await forward(client, config, { target: "/body" });
  assert.equal(half.end, "slow attempted");
  assert.equal(half.text, "half");
});

const misbehaviour: [string, string][] = [
  ["closes at once", ""],
  ["no HTTP", "hello\r\n\r\n"],
  ["cut body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
  ["cut chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"],
  ["status 000", "HTTP/1.1 000 \r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  [
    "length and chunked",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["endless head", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(20_000)}\r\n\r\n`],
  ["100 unasked", "HTTP/1.1 100 Continue\r\n\r\n"],
];

test("what is not a whole HTTP reply is bad, and the next call works", async (t) => {
  let bytes = "";
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.end(bytes, "latin1"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = clientOf(t);
  const config = upstream({ targets: [origin] });
  for (const [name, reply] of misbehaviour) {
    bytes = reply;
    const outcome = await forward(client, config);
    assert.equal(outcome.end, "bad attempted", name);
    bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    assert.equal((await forward(client, config)).text, "ok", name);
  }
});

test("a paused call gets nothing until it is resumed, and holds the upstream back", async (t) => {
  let written = 0;
  const total = 8 * 1024 * 1024;
  const { origin } = await serve(t, (_request, response) => {
    const part = Buffer.alloc(65_536);
    const more = (): void => {
      while (written < total) {
        written += part.length;
        if (!response.write(part)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  let pauses = 0;
  const config = upstream({ targets: [origin], responseTimeout: "5s" });
  const outcome = await forward(
    clientOf(t),
    config,
    {},
    {
      part(call) {
        if (pauses++ > 0) return;
        call.pause();
        setTimeout(() => {
          assert.ok(written < total, `the upstream was not held back: ${written}`);
          call.resume();
        }, 200);
      },
    },
  );
  assert.equal(outcome.end, "completed");
  assert.equal(outcome.text.length, total);
});

test("a cancelled call tells nothing more and closes its connection", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { origin } = await serve(t, (_request, response) => {
    response.on("close", closed.resolve);
    response.write("half");
  });
  const client = clientOf(t);
  let parts = 0;
  const ended = forward(
    client,
    upstream({ targets: [origin] }),
    {},
    {
      part(call) {
        parts++;
        call.cancel();
        call.cancel();
      },
    },
  );
  await closed.promise;
  const winner = await Promise.race([
    ended,
    new Promise((resolve) => setTimeout(resolve, 50, "silence")),
  ]);
  assert.equal(winner, "silence");
  assert.equal(parts, 1);
});

test("more calls than connections and queue hold are refused at once", async (t) => {
  const { origin } = await serve(t, () => {});
  const client = clientOf(t);
  const config = upstream({ targets: [origin], connectionsMax: 1, responseTimeout: "60s" });
  client.retain([config]);
  const calls: UpstreamCall[] = [];
  const ends: string[] = [];
  for (let i = 0; i < waitingCallsMax + 2; i++) {
    calls.push(
      client.forward(
        config,
        { method: "GET", target: "/", headers: [], body: undefined, isUpgrade: false },
        {
          started: () => {},
          received: () => {},
          completed: () => {},
          failed: ({ kind, attempted }) => void ends.push(`${kind} ${attempted}`),
          upgraded: () => {},
        },
      ),
    );
  }
  assert.deepEqual(ends, ["overloaded false"]);
  for (const call of calls) call.cancel();
});
