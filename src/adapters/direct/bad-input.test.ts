/** The hub's port under bad input: refused, counted, no state changed. Sockets and, where `ws` would not do it, bytes by hand. */

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { type AddressInfo, connect as tcpConnect } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { after, before, beforeEach, suite, test } from "node:test";
import { WebSocket } from "ws";
import { crc32, sha256Hex } from "../../base/hash.ts";
import {
  type GatewayMessage,
  type HubEnd,
  linkHeaderMaxBytes,
  linkMessageMaxBytes,
} from "../../ports/link.ts";
import { type DirectAcceptor, directAcceptor } from "./acceptor.ts";
import { encodeFrame } from "./frame.ts";
import { linkBufferedMaxBytes } from "./socket-end.ts";

const joinToken = "join-token-of-the-tests";
const producer = "a".repeat(32);
const secret = "5".repeat(64);
const registered = "b".repeat(32);
const connectionsMax = 3;
const pingIntervalMs = 20;

const server = createServer();
const secrets = new Map<string, string>();
let registerProducer = async (id: string, hash: string): Promise<void> =>
  void secrets.set(id, hash);
let acceptor: DirectAcceptor;
let url = "";
const refusals: string[] = [];
const delivered: GatewayMessage[] = [];
let onEnd: (end: HubEnd) => void = () => {};
let connections = 0;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  acceptor = directAcceptor({
    server,
    joinToken,
    producerSecret: (id) => secrets.get(id),
    registerProducer: (id, hash) => registerProducer(id, hash),
    onRefusal: (refusal) => refusals.push(refusal),
    connectionsMax,
    pingIntervalMs,
  });
  acceptor.onConnection((end) => {
    connections++;
    end.onMessage((message) => delivered.push(message));
    onEnd(end);
  });
});

after(async () => {
  acceptor.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  secrets.clear();
  secrets.set(registered, sha256Hex(secret));
  refusals.length = 0;
  delivered.length = 0;
  connections = 0;
  onEnd = () => {};
});

type Fields = Readonly<Record<string, string>>;
const rightFields: Fields = {
  authorization: `Bearer ${joinToken}`,
  "x-tallygate-producer": producer,
  "x-tallygate-producer-secret": secret,
};

/** Sends an upgrade request; resolves with the status and the problem body. */
function upgrade(fields: Fields, path = "/link/v1"): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const upgradeFields = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==",
      "sec-websocket-version": "13",
    };
    const asked = request(`${url}${path}`, { headers: { ...upgradeFields, ...fields } });
    asked.on("response", (response) => {
      textOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asked.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, body: "" });
    });
    asked.on("error", reject);
    asked.end();
  });
}

suite("a handshake is refused, counted and changes nothing", () => {
  const without = (name: string): Fields =>
    Object.fromEntries(Object.entries(rightFields).filter(([field]) => field !== name));
  const table: [name: string, fields: Fields, status: number, refusal: string][] = [
    ["no token", without("authorization"), 401, "join-token"],
    ["empty token", { ...rightFields, authorization: "Bearer " }, 401, "join-token"],
    ["wrong token", { ...rightFields, authorization: "Bearer x" }, 401, "join-token"],
    [
      "token with more",
      { ...rightFields, authorization: `Bearer ${joinToken}x` },
      401,
      "join-token",
    ],
    ["other scheme", { ...rightFields, authorization: `Basic ${joinToken}` }, 401, "join-token"],
    ["no producer", without("x-tallygate-producer"), 403, "producer-malformed"],
    ["short producer", { ...rightFields, "x-tallygate-producer": "ab" }, 403, "producer-malformed"],
    [
      "upper case",
      { ...rightFields, "x-tallygate-producer": "A".repeat(32) },
      403,
      "producer-malformed",
    ],
    ["no secret", without("x-tallygate-producer-secret"), 403, "producer-malformed"],
    [
      "short secret",
      { ...rightFields, "x-tallygate-producer-secret": "55" },
      403,
      "producer-malformed",
    ],
    [
      "another's id",
      {
        ...rightFields,
        "x-tallygate-producer": registered,
        "x-tallygate-producer-secret": "6".repeat(64),
      },
      403,
      "producer-secret",
    ],
  ];
  for (const [name, fields, status, refusal] of table) {
    test(name, async () => {
      const answer = await upgrade(fields);
      assert.equal(answer.status, status);
      assert.equal((JSON.parse(answer.body) as { status: number }).status, status);
      assert.deepEqual(refusals, [refusal]);
      assert.equal(connections, 0);
      assert.deepEqual([...secrets], [[registered, sha256Hex(secret)]]);
    });
  }

  test("another path is 404, a request that is no WebSocket handshake 400", async () => {
    assert.equal((await upgrade(rightFields, "/elsewhere")).status, 404);
    assert.equal((await upgrade({ ...rightFields, "sec-websocket-key": "short" })).status, 400);
    assert.deepEqual(refusals, ["path", "handshake"]);
    assert.equal(connections, 0);
  });
});

test("a producer is registered at its first use, and only the hash of its secret", async () => {
  assert.equal((await upgrade(rightFields)).status, 101);
  assert.equal(secrets.get(producer), sha256Hex(secret));
  assert.equal(
    (await upgrade({ ...rightFields, "x-tallygate-producer-secret": "6".repeat(64) })).status,
    403,
  );
});

test("of two secrets for a new id at once, one is stored and the other refused", async () => {
  const usual = registerProducer;
  let stored = 0;
  registerProducer = async (id, hash) => {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    stored++;
    secrets.set(id, hash);
  };
  const other = { ...rightFields, "x-tallygate-producer-secret": "6".repeat(64) };
  const answers = await Promise.all([upgrade(rightFields), upgrade(other)]);
  registerProducer = usual;
  assert.deepEqual(answers.map((each) => each.status).sort(), [101, 403]);
  assert.equal(stored, 1);
});

test("a producer that cannot be registered is told to come again", async () => {
  const usual = registerProducer;
  registerProducer = () => Promise.reject(new Error("disk"));
  assert.equal((await upgrade(rightFields)).status, 503);
  registerProducer = usual;
  assert.deepEqual(refusals, ["not-ready"]);
  assert.equal((await upgrade(rightFields)).status, 101);
});

function openRaw(fields = rightFields): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${url}/link/v1`, { headers: fields, perMessageDeflate: false });
    ws.on("open", () => resolve(ws));
    ws.on("error", reject);
  });
}

const closed = (ws: WebSocket): Promise<number> =>
  new Promise((resolve) => ws.on("close", (code) => resolve(code)));

function rawFrame(headerBytes: number, rest: string | Uint8Array): Buffer {
  const content = Buffer.from(rest as string);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(headerBytes, 0);
  prefix.writeUInt32LE(crc32(content), 4);
  return Buffer.concat([prefix, content]);
}

const jsonFrame = (json: string): Buffer => rawFrame(Buffer.byteLength(json), json);

suite("a message is refused, counted, never delivered, and ends the connection", () => {
  const heartbeat = {
    kind: "heartbeat",
    id: 1,
    sentAtMs: 1,
    view: { epoch: 0, position: 0 },
    registryVersion: 0,
    unacknowledgedUnits: 0,
    oldestUnacknowledgedMs: 0,
    journalBytes: 0,
    journalState: "ok",
    callsPerSecond: 0,
    lagP50Ms: 0,
    lagP99Ms: 0,
  };
  const batch = { kind: "batch", incarnation: "f".repeat(16), seq: 1 };
  const hello = {
    kind: "hello",
    protocol: 1,
    producer: registered,
    incarnation: "f".repeat(16),
    region: "sydney",
    process: 0,
    listen: "127.0.0.1:8081",
    clusterId: "",
    view: { epoch: 0, position: 0 },
    registryVersion: 0,
    journal: [["f".repeat(16), 1, 2]],
    takesStatus: true,
  };
  const malformed: [name: string, frame: Buffer | string][] = [
    ["text", JSON.stringify(batch)],
    ["nothing", Buffer.alloc(0)],
    ["three bytes", Buffer.alloc(3)],
    ["a header that is not there", rawFrame(100, "{}")],
    ["the largest length", rawFrame(0xffffffff, "{}")],
    ["no JSON", jsonFrame("kind")],
    ["no UTF-8", rawFrame(2, Uint8Array.of(0xc3, 0x28))],
    ["a header too large", jsonFrame(`"${"x".repeat(linkHeaderMaxBytes)}"`)],
    ["an array", jsonFrame("[]")],
    ["null", jsonFrame("null")],
    ["no kind", jsonFrame("{}")],
    ["an unknown kind", jsonFrame('{"kind":"unheard"}')],
    ["a kind of every object", jsonFrame('{"kind":"constructor"}')],
    ["a hub's kind", jsonFrame('{"kind":"update"}')],
    ["no seq", jsonFrame(JSON.stringify({ ...batch, seq: undefined }))],
    ["seq 0", jsonFrame(JSON.stringify({ ...batch, seq: 0 }))],
    ["seq as text", jsonFrame(JSON.stringify({ ...batch, seq: "1" }))],
    ["seq with a fraction", jsonFrame(JSON.stringify({ ...batch, seq: 1.5 }))],
    ["seq 2^53", jsonFrame(JSON.stringify({ ...batch, seq: 2 ** 53 }))],
    ["incarnation too long", jsonFrame(JSON.stringify({ ...batch, incarnation: "f".repeat(17) }))],
    [
      "infinite time",
      jsonFrame(JSON.stringify(heartbeat).replace('"sentAtMs":1', '"sentAtMs":1e999')),
    ],
    ["a version that is none", jsonFrame(JSON.stringify({ ...heartbeat, view: { epoch: -1 } }))],
    [
      "a state too long",
      jsonFrame(JSON.stringify({ ...heartbeat, journalState: "x".repeat(257) })),
    ],
    [
      "a range of two",
      jsonFrame(JSON.stringify({ ...hello, producer, journal: [["f".repeat(16), 1]] })),
    ],
  ];
  for (const [name, frame] of malformed) {
    test(name, async () => {
      const ws = await openRaw();
      ws.send(frame);
      // What follows in the same packet is not delivered either.
      ws.send(jsonFrame(JSON.stringify(batch)));
      assert.equal(await closed(ws), 4000);
      assert.deepEqual(refusals, ["malformed"]);
      assert.deepEqual(delivered, []);
    });
  }

  test("too large by one byte; just not too large is delivered", async () => {
    const ws = await openRaw();
    ws.send(
      encodeFrame(batch, new Uint8Array(linkMessageMaxBytes - 8 - JSON.stringify(batch).length)),
    );
    ws.send(Buffer.alloc(linkMessageMaxBytes + 1));
    ws.on("error", () => {});
    assert.equal(await closed(ws), 1009);
    assert.deepEqual(refusals, ["too-large"]);
    assert.deepEqual(delivered, [batch]);
  });

  test("a frame that breaks the WebSocket protocol", async () => {
    const ws = await openRaw();
    (ws as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0xff, 0x80]),
    );
    await closed(ws);
    assert.deepEqual(refusals, ["malformed"]);
  });

  test("a hello in another producer's name", async () => {
    const ws = await openRaw();
    ws.send(jsonFrame(JSON.stringify(hello)));
    assert.equal(await closed(ws), 4001);
    assert.deepEqual(refusals, ["producer-mismatch"]);
    assert.deepEqual(delivered, []);
  });

  test("but what a newer version adds is left out, and the message delivered", async () => {
    const ws = await openRaw();
    ws.send(jsonFrame(JSON.stringify({ ...hello, producer, added: [1], __proto__: { x: 1 } })));
    ws.send(jsonFrame(JSON.stringify({ ...batch, added: true })));
    ws.close();
    await closed(ws);
    assert.deepEqual(delivered, [{ ...hello, producer }, batch]);
    assert.deepEqual(refusals, []);
  });
});

test("connections beyond the bound are refused; a producer's newer one is not", async () => {
  const named = (digit: string): Fields => ({
    ...rightFields,
    "x-tallygate-producer": digit.repeat(32),
  });
  const open = await Promise.all(["1", "2", "3"].map((digit) => openRaw(named(digit))));
  assert.equal(acceptor.connections(), connectionsMax);
  assert.equal((await upgrade(named("4"))).status, 503);
  assert.deepEqual(refusals, ["connections"]);
  const replaced = closed(open[0] as WebSocket);
  open.push(await openRaw(named("1")));
  assert.equal(await replaced, 4002);
  await Promise.all(
    open.slice(1).map((ws) => {
      ws.close();
      return closed(ws);
    }),
  );
});

test("a gateway that goes silent without closing is dropped", async () => {
  const closedReason = new Promise<string>((resolve) => {
    onEnd = (end) => end.onClose(resolve);
  });
  // Says what a gateway says, and then neither answers pings nor closes.
  const socket = tcpConnect(Number(new URL(url).port), "127.0.0.1", () => {
    const fields = Object.entries(rightFields).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `GET /link/v1 HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n${fields.join("")}\r\n`,
    );
  });
  socket.on("error", () => {});
  assert.equal(await closedReason, "the peer is silent");
  socket.destroy();
});

test("a peer that does not read is closed at the bound of what waits for it", async () => {
  const accepted = new Promise<HubEnd>((resolve) => {
    onEnd = resolve;
  });
  const ws = await openRaw();
  ws.pause();
  const end = await accepted;
  const payload = new Uint8Array(4_000_000);
  const reason = new Promise((resolve) => end.onClose(resolve));
  let sent = 0;
  while (end.bufferedBytes + payload.length + 100 <= linkBufferedMaxBytes) {
    end.send({ kind: "update" }, payload);
    sent++;
    assert.ok(sent < 100, "buffered bytes do not rise");
  }
  assert.ok(end.bufferedBytes > linkBufferedMaxBytes - 2 * payload.length);
  end.send({ kind: "update" }, payload);
  assert.equal(await reason, "the peer does not read");
  ws.terminate();
});

test("a hub that closes tells its gateways, and takes no more", async () => {
  const ws = await openRaw();
  const code = closed(ws);
  acceptor.close();
  assert.equal(await code, 1001);
});
