import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sha256Hex } from "../../base/hash.ts";
import { type LinkHarness, linkConformance } from "../../conformance/link.ts";
import type { HubEnd } from "../../ports/link.ts";
import { directAcceptor } from "./acceptor.ts";
import { directDialer } from "./dialer.ts";

const joinToken = "join-token-of-the-tests";

async function openHarness(delayMs: number): Promise<LinkHarness> {
  const server = createServer();
  const url = await listen(server);
  const secrets = new Map<string, string>();
  const acceptor = directAcceptor({
    server,
    joinToken,
    producerSecret: (producer) => secrets.get(producer),
    registerProducer: async (producer, hash) => void secrets.set(producer, hash),
  });
  const gone = createServer();
  const nowhere = await listen(gone);
  gone.close();
  const identity = { producer: "0".repeat(32), secret: "0".repeat(64) };
  return {
    acceptor,
    dialer: ({ producer, ...wrong }) =>
      directDialer({
        url,
        joinToken: wrong.joinToken ?? joinToken,
        identity: { producer, secret: sha256Hex(wrong.secret ?? producer) },
        delayMs,
      }),
    nowhere: directDialer({ url: nowhere, joinToken, identity }),
    async close() {
      acceptor.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

linkConformance("direct", () => openHarness(0));
linkConformance("direct with a delay", () => openHarness(3));

test("a delay holds each message back, both ways, keeps their order and counts as buffered", async () => {
  const delayMs = 30;
  const harness = await openHarness(delayMs);
  const accepted = new Promise<HubEnd>((resolve) => harness.acceptor.onConnection(resolve));
  const gateway = await harness.dialer({ producer: "a".repeat(32) }).connect();
  const hub = await accepted;
  const versions: number[] = [];
  const roundTrip = new Promise<number>((resolve) => {
    gateway.onMessage((message) => {
      if (message.kind !== "registry") return;
      versions.push(message.version);
      if (message.last) resolve(performance.now() - sentAtMs);
    });
  });
  hub.onMessage((message) => {
    if (message.kind === "batch") {
      hub.send({ kind: "registry", version: message.seq, last: message.seq === 100 });
    }
  });
  const sentAtMs = performance.now();
  for (let seq = 1; seq <= 100; seq++) {
    gateway.send({ kind: "batch", incarnation: "f".repeat(16), seq }, new Uint8Array(100));
  }
  assert.ok(gateway.bufferedBytes > 100 * 100);
  const took = await roundTrip;
  assert.deepEqual(
    versions,
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.ok(took >= 2 * delayMs - 2, `${took} ms`);
  assert.equal(gateway.bufferedBytes, 0);
  gateway.close("done");
  await harness.close();
});

test("more than may wait out a delay in memory arrives all the same, in order", async () => {
  const harness = await openHarness(20);
  const accepted = new Promise<HubEnd>((resolve) => harness.acceptor.onConnection(resolve));
  const gateway = await harness.dialer({ producer: "a".repeat(32) }).connect();
  const hub = await accepted;
  const versions: number[] = [];
  const done = new Promise<void>((resolve) => {
    gateway.onMessage((message) => {
      if (message.kind !== "registry") return;
      versions.push(message.version);
      if (message.last) resolve();
    });
  });
  const payload = new Uint8Array(4_000_000);
  for (let version = 1; version <= 12; version++) {
    hub.send({ kind: "registry", version, last: version === 12 }, payload);
  }
  await done;
  assert.deepEqual(versions, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  gateway.close("done");
  await harness.close();
});
