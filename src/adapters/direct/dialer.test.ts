/** The gateway against what is not a hub, or no longer is. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { test } from "node:test";
import { directDialer } from "./dialer.ts";

const joinToken = "join-token-of-the-tests";
const producer = "a".repeat(32);
const secret = "5".repeat(64);
const pingIntervalMs = 20;

test("a hub that goes silent without closing is dropped by the gateway", async () => {
  const accept = (key: string): string => {
    const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    return createHash("sha1")
      .update(key + guid)
      .digest("base64");
  };
  const silent = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const key = /sec-websocket-key: (\S+)/i.exec(data.toString())?.[1] ?? "";
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
          `sec-websocket-accept: ${accept(key)}\r\n\r\n`,
      );
      socket.resume();
    });
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const end = await directDialer({
    url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    joinToken,
    identity: { producer, secret },
    pingIntervalMs,
  }).connect();
  end.onMessage(() => {});
  const reason = await new Promise((resolve) => end.onClose(resolve));
  assert.equal(reason, "the peer is silent");
  silent.close();
});

test("a hub that accepts the connection and never answers is unreachable", async () => {
  const mute = createTcpServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const dialer = directDialer({
    url: `http://127.0.0.1:${(mute.address() as AddressInfo).port}`,
    joinToken,
    identity: { producer, secret },
    handshakeTimeoutMs: 50,
  });
  await assert.rejects(dialer.connect(), { code: "hub-unreachable" });
  mute.close();
});

test("an address that answers HTTP but is no hub is unreachable", async () => {
  const other = createServer((_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const dialer = directDialer({
    url: `http://127.0.0.1:${(other.address() as AddressInfo).port}/base/`,
    joinToken,
    identity: { producer, secret },
  });
  await assert.rejects(dialer.connect(), { code: "hub-unreachable" });
  other.closeAllConnections();
  other.close();
});

test("a join token that cannot stand in a header field is refused before it is sent", async () => {
  const dialer = directDialer({
    url: "http://127.0.0.1:1",
    joinToken: "a\nb",
    identity: { producer, secret },
  });
  await assert.rejects(dialer.connect(), { code: "join-refused" });
});
