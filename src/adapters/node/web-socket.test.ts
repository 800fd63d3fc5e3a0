/** WebSockets through listener, pipeline and upstream, on real sockets. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { listenerDefaults } from "../../access/config-door.ts";
import { PipelineRig } from "../../gateway/testing/pipeline-rig.ts";
import type { Listener } from "../../ports/listener.ts";
import { listenHttp } from "./http-listener.ts";
import { realUpstreams } from "./testing/real-upstreams.ts";

interface Path {
  readonly rig: PipelineRig;
  readonly listener: Listener;
  readonly host: string;
  /** Requests that the upstream got, upgraded or not. */
  readonly seen: IncomingMessage[];
}

async function open(
  t: TestContext,
  serve: (socket: WebSocket) => void,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Path> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.end("plain");
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    seen.push(request);
    if (request.url === "/refused") {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
    } else sockets.handleUpgrade(request, socket, head, serve);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upstreams = realUpstreams();
  const rig = await PipelineRig.create({
    upstreams,
    config: {
      plans: { pro: { limits: [{ name: "day", per: "key", quota: 3, window: "day" }] } },
      anonymousPlan: undefined,
      upstreams: { chat: { targets: [target], webSocket: true, ...fields } },
      routes: [
        { path: "/chat/*", upstream: "chat", stripPrefix: "/chat" },
        { path: "/handler", handler: "./handler.ts" },
      ],
    },
  });
  const ticking = setInterval(() => {
    rig.journal.store();
    // Looks for time-outs, five times too fast.
    rig.pass(100);
  }, 20);
  const listener = await listenHttp(
    { host: "127.0.0.1", port: 0, limits: () => listenerDefaults, groupOf: (address) => address },
    rig.pipeline,
  );
  t.after(async () => {
    await listener.stop(0);
    await upstreams.close();
    clearInterval(ticking);
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  return { rig, listener, seen, host: `127.0.0.1:${listener.port}` };
}

/** The status of a refusal. */
async function refused(url: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on("error", () => {});
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  response.destroy();
  return response.statusCode ?? 0;
}

test("a WebSocket goes through both ways, and is charged as one call", async (t) => {
  const { rig, host, seen } = await open(t, (socket) => {
    socket.on("message", (part, isBinary) => socket.send(part, { binary: isBinary }));
    socket.send("hello");
  });
  const key = rig.key();
  const headers = { "x-api-key": key };
  const socket = new WebSocket(`ws://${host}/chat/room?a=b`, ["v2", "v1"], { headers });
  const texts: string[] = [];
  socket.on("message", (part: Buffer) => texts.push(part.toString().slice(0, 5)));
  await once(socket, "open");
  const large = "x".repeat(1_000_000);
  for (let i = 0; i < 20; i++) socket.send(i % 2 === 0 ? large : `m${i}`);
  while (texts.length < 21) await once(socket, "message");
  assert.deepEqual(texts.slice(0, 3), ["hello", "xxxxx", "m1"]);
  assert.equal(seen[0]?.url, "/room?a=b");
  assert.equal(seen[0]?.headers["x-api-key"], undefined);
  assert.equal(seen[0]?.headers["x-forwarded-for"], "127.0.0.1");
  socket.close(4_001, "bye");
  const [code] = (await once(socket, "close")) as [number];
  assert.equal(code, 4_001, "the upstream's own close comes back");
  assert.deepEqual(rig.used({ headers: ["x-api-key", key] }), { day: 1 });
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/chat/*,admitted}"), 1);
});

test("who may not call may not open a WebSocket; over the quota it is refused", async (t) => {
  const { rig, host, seen } = await open(t, () => {});
  assert.equal(await refused(`ws://${host}/chat/x`, {}), 401);
  assert.equal(await refused(`ws://${host}/nowhere`, { "x-api-key": rig.key() }), 404);
  const headers = { "x-api-key": rig.key() };
  assert.equal(await refused(`ws://${host}/chat/refused`, headers), 403, "the upstream's own no");
  for (let i = 0; i < 2; i++) {
    const socket = new WebSocket(`ws://${host}/chat/x`, { headers });
    await once(socket, "open");
    socket.terminate();
  }
  assert.equal(await refused(`ws://${host}/chat/x`, headers), 429);
  assert.equal(seen.length, 3);
});

test("where WebSockets are not asked for, the upgrade says nothing and is not forwarded", async (t) => {
  const { rig, host, seen } = await open(t, () => {}, { webSocket: false });
  const headers = { "x-api-key": rig.key() };
  assert.equal(await refused(`ws://${host}/chat/x`, headers), 200);
  assert.equal(await refused(`ws://${host}/handler`, headers), 200);
  assert.equal(seen[0]?.headers.upgrade, undefined);
  assert.equal(seen[0]?.headers.connection, "keep-alive");
});

test("another upgrade is ignored, and the connection used again", async (t) => {
  const { rig, listener, seen } = await open(t, () => {});
  const socket = connect(listener.port, "127.0.0.1");
  const head = `Host: a\r\nX-Api-Key: ${rig.key()}\r\n`;
  const upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
  let text = "";
  const both = Promise.withResolvers<void>();
  socket.on("data", (part: Buffer) => {
    text += part.toString();
    const replies = text.split("plain").length - 1;
    // Not at once: Node drops what is behind it in the same packet.
    if (replies === 1) socket.write(`GET /chat/2 HTTP/1.1\r\n${head}\r\n`);
    else if (replies === 2) both.resolve();
  });
  socket.write(`GET /chat/1 HTTP/1.1\r\n${head}${upgrade}\r\n`);
  await both.promise;
  socket.destroy();
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers.upgrade]),
    [
      ["/1", undefined],
      ["/2", undefined],
    ],
  );
});

test("a side that is slow holds the other back", async (t) => {
  let sent = 0;
  const part = Buffer.alloc(65_536);
  const { rig, host } = await open(t, (socket) => {
    const more = (): void => {
      sent++;
      if (sent < 1_000) socket.send(part, more);
    };
    more();
  });
  const socket = new WebSocket(`ws://${host}/chat/x`, { headers: { "x-api-key": rig.key() } });
  await once(socket, "open");
  socket.pause();
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(sent < 900, `${sent} parts of 64 KiB were taken of a client that reads none`);
  let got = 0;
  const all = Promise.withResolvers<void>();
  socket.on("message", () => {
    if (++got === 999) all.resolve();
  });
  socket.resume();
  await all.promise;
  socket.terminate();
});

test("one that says nothing for the idle time-out is closed, and either side's end is the other's", async (t) => {
  const ended = Promise.withResolvers<void>();
  const { rig, host } = await open(
    t,
    (socket) => {
      socket.on("close", () => ended.resolve());
      socket.on("message", () => socket.terminate());
    },
    { idleTimeout: "200ms" },
  );
  const headers = { "x-api-key": rig.key() };
  const idle = new WebSocket(`ws://${host}/chat/x`, { headers });
  await once(idle, "open");
  await once(idle, "close");
  await ended.promise;
  const cut = new WebSocket(`ws://${host}/chat/x`, { headers });
  await once(cut, "open");
  cut.send("now");
  await once(cut, "close");
});

test("a stop ends WebSockets when its time is over", async (t) => {
  const { rig, host, listener } = await open(t, () => {});
  const socket = new WebSocket(`ws://${host}/chat/x`, { headers: { "x-api-key": rig.key() } });
  await once(socket, "open");
  const closed = once(socket, "close");
  await listener.stop(50);
  await closed;
});
