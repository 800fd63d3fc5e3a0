/** The whole path of a request on real sockets: listener, pipeline, upstream. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { PipelineRig } from "../../gateway/testing/pipeline-rig.ts";
import type { Handler } from "../../ports/handler.ts";
import { handlerBodyMaxBytes } from "./http-exchange.ts";
import { listenHttp } from "./http-listener.ts";
import { realUpstreams } from "./testing/real-upstreams.ts";

interface Path {
  readonly rig: PipelineRig;
  readonly url: string;
  readonly port: number;
}

async function open(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  handler: Handler = () => new Response("from the handler"),
): Promise<Path> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upstreams = realUpstreams();
  const limits = [{ name: "day", per: "ip", quota: 100, window: "day" }];
  const rig = await PipelineRig.create({
    upstreams,
    handlers: { "./handler.ts": handler },
    config: {
      plans: { anonymous: { limits } },
      upstreams: { users: { targets: [target], responseTimeout: "2s" } },
      routes: [
        { path: "/up/*", upstream: "users", stripPrefix: "/up" },
        { path: "/handler", handler: "./handler.ts" },
      ],
    },
  });
  const storing = setInterval(() => rig.journal.store(), 2);
  const listener = await listenHttp(
    { host: "127.0.0.1", port: 0, limits: () => rig.config.listener, groupOf: () => "" },
    rig.pipeline,
  );
  t.after(async () => {
    await listener.stop(0);
    await upstreams.close();
    clearInterval(storing);
    server.close();
    server.closeAllConnections();
  });
  return { rig, port: listener.port, url: `http://127.0.0.1:${listener.port}` };
}

test("bodies stream both ways at once", async (t) => {
  const { url } = await open(t, (request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    request.on("data", (part: Buffer) => response.write(part.toString().toUpperCase()));
    request.on("end", () => response.end("!"));
  });
  let turn = Promise.withResolvers<void>();
  const body = new ReadableStream({
    async pull(controller) {
      await turn.promise;
      turn = Promise.withResolvers();
      controller.enqueue(new TextEncoder().encode("ping"));
    },
  });
  const aborter = new AbortController();
  turn.resolve();
  const response = await fetch(`${url}/up/echo`, {
    method: "POST",
    body,
    duplex: "half",
    signal: aborter.signal,
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (let i = 0; i < 3; i++) {
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), "PING");
    turn.resolve();
  }
  aborter.abort();
});

test("a large reply arrives whole, also to a slow reader", async (t) => {
  const total = 5 * 1024 * 1024;
  const { port } = await open(t, (_request, response) => {
    response.writeHead(200, { "content-length": total });
    response.end(Buffer.alloc(total, "a"));
  });
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /up/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  let length = 0;
  for await (const part of socket) {
    length += (part as Buffer).length;
    if (length < 1_000_000) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(length > total && length < total + 1_000, String(length));
});

test("a client that leaves cancels the upstream at once", async (t) => {
  const arrived = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const { port } = await open(t, (_request, response) => {
    response.on("close", cancelled.resolve);
    arrived.resolve();
  });
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /up/slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await arrived.promise;
  socket.destroy();
  await cancelled.promise;
});

test("an upstream that is down is a 502 that costs nothing, also with a body on its way", async (t) => {
  const { rig, url } = await open(t, () => {});
  const config = { ...rig.config, upstreams: rig.config.upstreams };
  const [route, ...others] = config.routes;
  assert.ok(route?.target.kind === "upstream");
  const upstream = {
    ...route.target.upstream,
    targets: [{ url: "http://127.0.0.1:1", weight: 1 }],
  };
  const routes = [{ ...route, target: { ...route.target, upstream } }, ...others];
  (await rig.pipeline.prepare({ ...config, routes, upstreams: [upstream] }))();
  for (const method of ["GET", "POST"]) {
    const body = method === "POST" ? "x".repeat(200_000) : null;
    const response = await fetch(`${url}/up/x`, { method, body });
    assert.equal(response.status, 502);
    assert.equal(response.headers.get("x-tallygate-outcome"), "not-attempted");
    assert.equal(((await response.json()) as { status: number }).status, 502);
  }
  const usage = (await (await fetch(`${url}/-/usage`)).json()) as { limits: { used: number }[] };
  assert.equal(usage.limits[0]?.used, 0);
});

test("a hanging handler holds nobody else up", async (t) => {
  let calls = 0;
  const { rig, url } = await open(
    t,
    () => {},
    () => (calls++ === 0 ? new Promise<Response>(() => {}) : new Response("fine")),
  );
  const hanging = fetch(`${url}/handler`);
  while (calls === 0) await new Promise(setImmediate);
  assert.equal(await (await fetch(`${url}/handler`)).text(), "fine");
  rig.pass(30_001);
  assert.equal((await hanging).status, 504);
});

test("a handler reads its request in the web-standard form", async (t) => {
  const { url } = await open(
    t,
    () => {},
    async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const text = await request.text();
      return Response.json({
        method: request.method,
        pathname,
        a: searchParams.get("a"),
        field: request.headers.get("x-a"),
        text,
      });
    },
  );
  const init = { method: "POST", body: "größe", headers: { "x-a": "1" } };
  const response = await fetch(`${url}/handler?a=b%20c`, init);
  assert.deepEqual(await response.json(), {
    method: "POST",
    pathname: "/handler",
    a: "b c",
    field: "1",
    text: "größe",
  });
});

test("calls on one connection are answered in order, and each is charged", async (t) => {
  const { port, url } = await open(t, (request, response) => response.end(request.url));
  const socket = connect(port, "127.0.0.1");
  const lines = [1, 2, 3, 4].map((i) => `GET /up/${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
  socket.write(lines.join(""));
  socket.setEncoding("latin1");
  let text = "";
  const whole = Promise.withResolvers<void>();
  socket.on("data", (part: string) => {
    text += part;
    if (text.includes("\r\n\r\n/4")) whole.resolve();
  });
  await whole.promise;
  socket.destroy();
  assert.deepEqual(
    [...text.matchAll(/\r\n\r\n(\/\d)/g)].map(([, path]) => path),
    ["/1", "/2", "/3", "/4"],
  );
  const usage = (await (await fetch(`${url}/-/usage`)).json()) as { limits: { used: number }[] };
  assert.equal(usage.limits[0]?.used, 4);
});

test("a body that is too large for a handler is a 413", async (t) => {
  const { url } = await open(
    t,
    () => {},
    async (request) => new Response(await request.text()),
  );
  const length = handlerBodyMaxBytes;
  const fine = await fetch(`${url}/handler`, { method: "POST", body: Buffer.alloc(length) });
  assert.equal((await fine.arrayBuffer()).byteLength, length);
  const large = await fetch(`${url}/handler`, { method: "POST", body: Buffer.alloc(length + 1) });
  assert.equal(large.status, 413);
});
