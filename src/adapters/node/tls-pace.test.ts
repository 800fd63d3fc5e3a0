/** Over TLS as without it: how fast a client is, is told by what it has moved. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { listenerDefaults } from "../../access/config-door.ts";
import type { Exchange, Listener } from "../../ports/listener.ts";
import { certificatesFor } from "./testing/certificates.ts";
import { secureClient, secureListener } from "./testing/secure-listener.ts";

/** Two looks of the listener; longer than that it waits only for whoever moves bytes. */
const timeoutMs = 1_000;
const limits = {
  ...listenerDefaults,
  bodyTimeoutMs: timeoutMs,
  replyTimeoutMs: timeoutMs,
  rateMinBytes: 1_000,
};

async function client(
  t: TestContext,
  take: (exchange: Exchange) => void,
): Promise<{ socket: TLSSocket; listener: Listener }> {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const { listener } = await secureListener(t, [pair], { take, listen: { limits: () => limits } });
  const socket = await secureClient(t, listener);
  return { socket: socket.on("error", () => {}), listener };
}

async function replyAfter(exchange: Exchange): Promise<void> {
  let bytes = 0;
  try {
    for await (const part of exchange.body()) bytes += part.length;
    exchange.reply(200, [], `${bytes}`);
  } catch {
    exchange.reply(408, [], undefined);
  }
}

const head =
  "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 10000\r\n\r\n";

test("a body that comes slowly and steadily is waited for", async (t) => {
  const { socket } = await client(t, (exchange) => void replyAfter(exchange));
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  const closed = once(socket, "close");
  socket.write(head);
  for (let i = 0; i < 10; i++) {
    socket.write(Buffer.alloc(1_000));
    await sleep(300);
  }
  await closed;
  assert.match(text, /^HTTP\/1.1 200 [^]*10000$/);
});

test("a body that stops coming is not waited for", async (t) => {
  const { socket } = await client(t, (exchange) => void replyAfter(exchange));
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  socket.write(`${head}one`);
  await once(socket, "close");
  assert.match(text, /^HTTP\/1.1 408 /);
});

test("a reply that nobody reads is not kept", async (t) => {
  const taken = Promise.withResolvers<void>();
  const { socket, listener } = await client(t, (exchange) => {
    exchange.reply(200, [], Buffer.alloc(32 * 2 ** 20));
    taken.resolve();
  });
  socket.write("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  socket.pause();
  await taken.promise;
  assert.equal(listener.connections(), 1);
  while (listener.connections() > 0) await sleep(20);
});

test("a reply that is read slowly and steadily is waited for", async (t) => {
  const { socket } = await client(t, (exchange) => {
    exchange.reply(200, [], Buffer.alloc(16 * 2 ** 20));
  });
  socket.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  let bytes = 0;
  socket.on("data", (part: Buffer) => {
    // Each two megabytes, so that it takes longer than what is waited for a client that reads nothing.
    const isTime = Math.floor(bytes / 2 ** 21) !== Math.floor((bytes + part.length) / 2 ** 21);
    bytes += part.length;
    if (!isTime) return;
    socket.pause();
    setTimeout(() => socket.resume(), 300);
  });
  await once(socket, "close");
  assert.ok(bytes > 16 * 2 ** 20, `${bytes} bytes`);
});
