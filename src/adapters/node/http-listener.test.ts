import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ListenerConfig } from "../../access/compiled-config.ts";
import { listenerDefaults } from "../../access/config-door.ts";
import type { Exchange, Listener } from "../../ports/listener.ts";
import { listenHttp } from "./http-listener.ts";

type Take = (exchange: Exchange) => void | Promise<void>;

const anyPort = {
  host: "127.0.0.1",
  port: 0,
  limits: () => listenerDefaults,
  groupOf: (address: string) => address,
};

async function listen(
  t: TestContext,
  take: Take,
  limits?: Partial<ListenerConfig>,
): Promise<Listener> {
  const taker = {
    take: (exchange: Exchange) => void take(exchange),
    refuse: (status: number) => ({
      headers: ["content-type", "application/problem+json"],
      body: `{"status":${status}}`,
    }),
  };
  const all = { ...listenerDefaults, ...limits };
  const options = { ...anyPort, limits: () => all };
  const listener = await listenHttp(options, taker);
  t.after(() => listener.stop(0));
  return listener;
}

/** Until then calls are answered as ever. */
async function portClosed({ port }: Listener): Promise<void> {
  const isOpen = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.unref();
    });
  while (await isOpen());
}

async function open(t: TestContext, { port }: Listener): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Everything that comes until the other side closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1");
  for await (const chunk of socket) text += chunk;
  return text;
}

/** Reads until `pattern` has come. */
function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  socket.setEncoding("latin1");
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (chunk: string): void => {
      text += chunk;
      if (!pattern.test(text)) return;
      socket.off("data", take);
      resolve(text);
    };
    socket.on("data", take);
    socket.once("close", () => reject(new Error(`closed after: ${text}`)));
  });
}

/** Sends raw bytes on a connection of its own and reads until the server closes it. */
async function answerTo(t: TestContext, listener: Listener, raw: string): Promise<string> {
  const socket = await open(t, listener);
  socket.write(raw);
  return readAll(socket);
}

const closing = "Host: a\r\nConnection: close\r\n\r\n";

test("a reply has its fields in order, its length, date and connection", async (t) => {
  const listener = await listen(t, (exchange) => {
    exchange.reply(201, ["x-one", "1", "content-type", "text/plain"], "größe");
  });
  const text = await answerTo(t, listener, `GET /a?b HTTP/1.1\r\n${closing}`);
  assert.match(
    text,
    /^HTTP\/1.1 201 Created\r\nx-one: 1\r\ncontent-type: text\/plain\r\ncontent-length: 7\r\nDate: /,
  );
  assert.match(text, /\r\nConnection: close\r\n\r\n/);
});

test("the exchange tells the request as it came", async (t) => {
  const seen: Exchange[] = [];
  const listener = await listen(t, (exchange) => {
    seen.push(exchange);
    exchange.reply(200, [], undefined);
  });
  const fields = "X-A: 1\r\nx-a: 2\r\nX-API-Key: k\r\n";
  const socket = await open(t, listener);
  socket.write(
    `GET /a%2f?b HTTP/1.1\r\nHost: h\r\n${fields}\r\nPOST /c HTTP/1.0\r\nConnection: close\r\n\r\n`,
  );
  await readAll(socket);
  const [first, second] = seen;
  assert.equal(first?.target, "/a%2f?b");
  assert.deepEqual(first?.headers, ["Host", "h", "X-A", "1", "x-a", "2", "X-API-Key", "k"]);
  assert.equal(first?.httpVersion, "1.1");
  assert.equal(first?.hasBody, false);
  assert.equal(second?.httpVersion, "1.0");
  assert.equal(second?.connection, first?.connection);
  assert.equal(first?.connection.peerAddress, "127.0.0.1");
});

test("HEAD gets the length and no body; 204 and 304 neither", async (t) => {
  const listener = await listen(t, (exchange) => {
    const status = Number(exchange.target.slice(1));
    exchange.reply(status, [], status === 200 ? "hello" : undefined);
  });
  const head = await answerTo(t, listener, `HEAD /200 HTTP/1.1\r\n${closing}`);
  assert.match(head, /content-length: 5\r\n/);
  assert.match(head, /\r\n\r\n$/);
  for (const status of [204, 304]) {
    const text = await answerTo(t, listener, `GET /${status} HTTP/1.1\r\n${closing}`);
    assert.doesNotMatch(text, /content-length|transfer-encoding/i);
  }
  assert.match(await answerTo(t, listener, `GET /404 HTTP/1.1\r\n${closing}`), /content-length: 0/);
});

test("bytes that are no request get a problem, and the connection is closed", async (t) => {
  const listener = await listen(t, () => assert.fail("never a request"));
  const table: [string, number][] = [
    ["nonsense\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(17_000)}\r\n\r\n`, 431],
    ["CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    ["BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501],
  ];
  for (const [raw, status] of table) {
    const text = await answerTo(t, listener, raw);
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), raw.slice(0, 60));
    assert.match(text, new RegExp(`\\{"status":${status}\\}$`), raw.slice(0, 60));
    assert.match(text, /connection: close/i);
  }
});

test("a head that does not come in time is a 408", async (t) => {
  const listener = await listen(t, () => assert.fail("never a request"), { headTimeoutMs: 300 });
  const startedMs = performance.now();
  const text = await answerTo(t, listener, "GET / HTTP/1.1\r\nHost: a\r\n");
  assert.match(text, /^HTTP\/1.1 408 /);
  assert.ok(performance.now() - startedMs < 5_000);
});

test("100 Continue is sent when the body is wanted, and not before a refusal", async (t) => {
  const listener = await listen(t, async (exchange) => {
    if (exchange.target === "/no") {
      exchange.reply(401, [], undefined);
      return;
    }
    let text = "";
    for await (const part of exchange.body()) text += new TextDecoder().decode(part);
    exchange.reply(200, [], text);
  });
  const fields = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  const refused = await answerTo(t, listener, `POST /no HTTP/1.1\r\n${fields}`);
  assert.match(refused, /^HTTP\/1.1 401 /);
  assert.match(refused, /connection: close/i);
  const socket = await open(t, listener);
  socket.write(`POST /yes HTTP/1.1\r\n${fields}`);
  await readUntil(socket, /^HTTP\/1.1 100 Continue\r\n\r\n/);
  socket.write("hello");
  assert.match(await readUntil(socket, /hello$/), /HTTP\/1.1 200 OK/);
});

test("an unread body is dropped if it is short, else the connection closes", async (t) => {
  const listener = await listen(t, (exchange) => exchange.reply(200, [], "ok"));
  const socket = await open(t, listener);
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  await readUntil(socket, /ok$/);
  socket.write("helloGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(socket, /ok$/);
  const long = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  assert.match(await answerTo(t, listener, long), /connection: close/i);
  const endless = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.match(await answerTo(t, listener, endless), /connection: close/i);
});

test("a streamed reply leaves part by part, and write says when the client is slow", async (t) => {
  let exchange: Exchange | undefined;
  const listener = await listen(t, (taken) => {
    exchange = taken;
    taken.startReply(200, ["content-type", "text/event-stream"]);
  });
  const socket = await open(t, listener);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(socket, /\r\n\r\n/);
  exchange?.write(Buffer.from("one"));
  await readUntil(socket, /one\r\n/);
  socket.pause();
  let room = true;
  for (let i = 0; room && i < 1_000; i++) room = exchange?.write(Buffer.alloc(65_536)) ?? false;
  assert.equal(room, false, "a client that reads nothing holds the writer back");
  const drained = new Promise<void>((resolve) => exchange?.onDrain(resolve));
  socket.resume();
  await drained;
  exchange?.end();
  await readUntil(socket, /0\r\n\r\n$/);
});

test("the taker learns when the client leaves, and later replies do nothing", async (t) => {
  let exchange: Exchange | undefined;
  const left = Promise.withResolvers<void>();
  const listener = await listen(t, (taken) => {
    exchange = taken;
    taken.onClosed(left.resolve);
  });
  const socket = await open(t, listener);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (exchange === undefined) await new Promise(setImmediate);
  socket.destroy();
  await left.promise;
  exchange.reply(200, [], "hello");
  exchange.startReply(200, []);
  let told = false;
  exchange.onClosed(() => {
    told = true;
  });
  assert.equal(told, true, "also one who asks later");
});

test("the body of a client that leaves in the middle fails for its reader", async (t) => {
  const outcome = Promise.withResolvers<string>();
  const listener = await listen(t, async (exchange) => {
    try {
      for await (const _part of exchange.body()) socket.destroy();
      outcome.resolve("ended");
    } catch {
      outcome.resolve("failed");
    }
  });
  const socket = await open(t, listener);
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  assert.equal(await outcome.promise, "failed");
});

test("abort breaks the connection, so that half a reply is not taken for the whole", async (t) => {
  const listener = await listen(t, (exchange) => {
    exchange.startReply(200, []);
    exchange.write(Buffer.from("half"));
    setImmediate(() => exchange.abort());
  });
  const socket = await open(t, listener);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "close");
  assert.doesNotMatch(text, /0\r\n\r\n$/);
});

test("a stop lets replies in progress finish and closes what is idle", async (t) => {
  let exchange: Exchange | undefined;
  const listener = await listen(t, (taken) => {
    exchange = taken;
  });
  const idle = await open(t, listener);
  const busy = await open(t, listener);
  busy.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (exchange === undefined) await new Promise(setImmediate);
  assert.equal(listener.connections(), 2);
  const idleEnds = readAll(idle);
  const stopped = listener.stop(10_000);
  await portClosed(listener);
  exchange.reply(200, [], "late");
  const text = await readAll(busy);
  assert.match(text, /connection: close/i);
  assert.match(text, /late$/);
  await idleEnds;
  await stopped;
  assert.equal(listener.connections(), 0);
});

test("calls that come on a connection just used while the listener stops are answered until one is the last there", async (t) => {
  const listener = await listen(t, (taken) => taken.reply(200, [], "here"));
  const socket = await open(t, listener);
  const ends = once(socket, "close");
  let stopped: Promise<void> | undefined;
  for (let isLast = false; !isLast; ) {
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const [reply] = await Promise.race([once(socket, "data"), ends.then(() => ["closed"])]);
    assert.match(String(reply), /here$/);
    isLast = /connection: close/i.test(String(reply));
    stopped ??= listener.stop(10_000);
    // Idle between two calls: the next may be on its way already.
    await sleep(100);
  }
  await Promise.all([ends, stopped]);
});

test("the first call of a connection just opened is answered though the listener stops before it comes", async (t) => {
  const listener = await listen(t, (taken) => taken.reply(200, [], "here"));
  const socket = await open(t, listener);
  const silent = await open(t, listener);
  // Both are accepted.
  while (listener.connections() < 2) await new Promise(setImmediate);
  const text = readAll(socket);
  const silentEnds = readAll(silent);
  const stopped = listener.stop(10_000);
  await portClosed(listener);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await text, /connection: close[^]*here$/i);
  assert.equal(await silentEnds, "");
  await stopped;
});

test("connections that the kernel has taken and nobody accepted yet are served though the listener stops", async (t) => {
  const listener = await listen(t, (taken) => taken.reply(200, [], "here"));
  const sockets = Array.from({ length: 64 }, () => connect(listener.port, "127.0.0.1"));
  for (const socket of sockets) t.after(() => socket.destroy());
  const texts = sockets.map(readAll);
  for (const socket of sockets) socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  // They are under way; this process has not looked at its port since.
  await new Promise(process.nextTick);
  const stopped = listener.stop(10_000);
  for (const text of await Promise.all(texts)) assert.match(text, /here$/i);
  await stopped;
});

test("what does not finish within the stop's time is broken off", async (t) => {
  const listener = await listen(t, () => {});
  const socket = await open(t, listener);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await new Promise(setImmediate);
  await listener.stop(50);
});

test("a port in use is one clear sentence", async (t) => {
  const { port } = await listen(t, () => {});
  const taker = { take: () => {}, refuse: () => ({ headers: [], body: "" }) };
  await assert.rejects(listenHttp({ ...anyPort, port }, taker), {
    code: "port-in-use",
    message: new RegExp(`127.0.0.1:${port}`),
  });
});

test("processes that share a port do not stand in each other's way", async (t) => {
  const taker = { take: () => {}, refuse: () => ({ headers: [], body: "" }) };
  const first = await listenHttp({ ...anyPort, sharesPort: true }, taker);
  t.after(() => first.stop(0));
  const second = await listenHttp({ ...anyPort, port: first.port, sharesPort: true }, taker);
  t.after(() => second.stop(0));
  assert.equal(second.port, first.port);
});
