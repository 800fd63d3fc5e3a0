/**
 * Issue, "Bad input": what comes to the hub's port malformed, too large, without the join token or in the name of a
 * producer without that producer's secret is refused and counted, and changes nothing. A real hub with its gateways.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { encodeFrame } from "../src/adapters/direct/frame.ts";
import { crc32 } from "../src/base/hash.ts";
import { sealCharges } from "../src/hub/testing/fake-gateway.ts";
import { type Hello, linkMessageMaxBytes, linkProtocol } from "../src/ports/link.ts";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import { readMetrics } from "./support/metrics.ts";

/** Gateways send what they observed every second. */
const quietMs = 2_500;

let cluster: Cluster;
let key = "";
/** Producer id of Sydney's gateway. */
let sydney = "";

interface Status {
  readonly regions: readonly {
    readonly name: string;
    readonly health: string;
    readonly processes: readonly { readonly producer: string }[];
  }[];
  readonly [field: string]: unknown;
}

async function status(): Promise<Status> {
  return (await cluster.api("GET", "/v1/status")).json;
}

before(async () => {
  cluster = await Cluster.start({ config: threeRegions(), files: handlers });
  ({ key } = await cluster.createKnownKey("pro"));
  await fetch(cluster.region("sydney").url, { headers: { "x-api-key": key } });
  await until(async () => (await cluster.usage("seoul", key))?.limits[0]?.used === 1, 5_000);
  const { regions } = await status();
  sydney = regions.find(({ name }) => name === "sydney")?.processes[0]?.producer ?? "";
  assert.match(sydney, /^[0-9a-f]{32}$/);
  await quiet();
});

/** Gateways tell what they observed of their calls a while later; it must not be taken for an effect of the attacks. */
async function quiet(): Promise<void> {
  let last = -1;
  let sinceMs = 0;
  const isQuiet = async (): Promise<boolean> => {
    const { stream } = await status();
    const position = (stream as { last: number }).last;
    if (position !== last) sinceMs = performance.now();
    last = position;
    return performance.now() - sinceMs > quietMs;
  };
  await until(isQuiet, 30_000, "the stream is quiet");
}

after(() => cluster?.stop());

/** What no refused message may change. */
async function state(): Promise<unknown> {
  const { version, stream, registry, counters, gaps, lost, regions } = await status();
  const known = regions.filter(({ name }) => (regionNames as readonly string[]).includes(name));
  const health = known.map((region) => [region.name, region.health]);
  return { version, stream, registry, counters, gaps, lost, health };
}

async function refusals(): Promise<Map<string, number>> {
  const { hub, token } = cluster.state;
  const samples = await readMetrics(`${hub.url}/metrics`, { authorization: `Bearer ${token}` });
  return new Map([...samples].filter(([name]) => /refus|result="refused"/.test(name)));
}

/** Runs `attack`; then one count of refusals has grown, that of `counted`, and the state is as it was. */
async function assertRefused(counted: RegExp, attack: () => Promise<void>): Promise<void> {
  const [stateBefore, refusedBefore] = [await state(), await refusals()];
  await attack();
  let grown: string[] = [];
  const isCounted = async () => {
    const refused = await refusals();
    grown = [...refused.keys()].filter((name) => refused.get(name) !== refusedBefore.get(name));
    return grown.length > 0;
  };
  await until(isCounted, 2_000, "a count of refusals to grow");
  assert.equal(grown.length, 1, grown.join());
  assert.match(grown[0] as string, counted);
  assert.deepEqual(await state(), stateBefore);
}

interface Credentials {
  readonly token?: string;
  readonly producer?: string;
  readonly secret?: string;
}

function connect({ token, producer, secret }: Credentials): WebSocket {
  return new WebSocket(`${cluster.state.hub.url.replace("http", "ws")}/link/v1`, {
    headers: {
      ...(token === "" ? {} : { authorization: `Bearer ${token ?? cluster.joinToken}` }),
      "x-tallygate-producer": producer ?? randomBytes(16).toString("hex"),
      "x-tallygate-producer-secret": secret ?? randomBytes(32).toString("hex"),
    },
    perMessageDeflate: false,
    maxPayload: linkMessageMaxBytes,
  });
}

/** The status with which a handshake is refused; 101 if it is not. */
function handshake(credentials: Credentials): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(credentials);
    socket.on("unexpected-response", (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    socket.on("open", () => {
      resolve(101);
      socket.terminate();
    });
    socket.on("error", reject);
  });
}

suite("a connection is refused", () => {
  const table: [name: string, credentials: () => Credentials, status: number, counted: RegExp][] = [
    ["without the join token", () => ({ token: "" }), 401, /join-token/],
    ["with a wrong join token", () => ({ token: "x".repeat(43) }), 401, /join-token/],
    ["with the admin token", () => ({ token: cluster.state.token }), 401, /join-token/],
    ["as a producer, without its secret", () => ({ producer: sydney }), 403, /producer-secret/],
    ["with a malformed producer id", () => ({ producer: "sydney" }), 403, /producer-malformed/],
  ];
  for (const [name, credentials, expected, counted] of table) {
    test(name, () =>
      assertRefused(counted, async () => {
        assert.equal(await handshake(credentials()), expected);
      }),
    );
  }
});

const producer = randomBytes(16).toString("hex");
const secret = randomBytes(32).toString("hex");
const incarnation = "00000000000000aa";
const window = `month/${new Date().toISOString().slice(0, 7)}-01T00:00:00Z`;

function hello(more: Partial<Hello> = {}): Buffer {
  const clusterOfMine = { clusterId: "", view: { epoch: 0, position: 0 }, registryVersion: 0 };
  return encodeFrame({
    ...{ kind: "hello", protocol: linkProtocol, producer, incarnation, journal: [] },
    ...{ region: "elsewhere", process: 0, listen: "127.0.0.1:1", ...clusterOfMine },
    ...more,
  });
}

/** A batch whose content may say something else than the message around it. */
function batch(from: string, subject = "key:k_victim"): Buffer {
  const header = { producer: from, incarnation, seq: 1, region: "elsewhere" };
  const payload = sealCharges(header, [{ subject, window, units: 1_000 }]);
  return encodeFrame({ kind: "batch", incarnation, seq: 1 }, payload);
}

/** Sends frames as a producer that the hub knows; resolves when the hub has closed or `lingerMs` are over. */
async function send(frames: readonly (Buffer | string)[], lingerMs = 3_000): Promise<boolean> {
  const socket = connect({ producer, secret });
  socket.on("error", () => {});
  const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(true)));
  await new Promise((resolve) => socket.once("open", resolve));
  for (const frame of frames) socket.send(frame);
  const isClosed = await Promise.race([closed, sleep(lingerMs, false)]);
  socket.terminate();
  return isClosed;
}

function lengthPrefix(length: number, rest: string): Buffer {
  const content = Buffer.from(rest);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(length, 0);
  prefix.writeUInt32LE(crc32(content), 4);
  return Buffer.concat([prefix, content]);
}

function flipped(frame: Buffer): Buffer {
  const at = frame.length - 3;
  frame[at] = (frame[at] as number) ^ 1;
  return frame;
}

suite("a message is refused and its connection closed", () => {
  const table: [name: string, frames: () => (Buffer | string)[], counted: RegExp][] = [
    ["random bytes", () => [randomBytes(300)], /malformed/],
    ["in which a bit is flipped", () => [flipped(hello())], /malformed/],
    ["text", () => ["hello"], /malformed/],
    ["a length beyond the message", () => [lengthPrefix(4_000_000, "{}")], /malformed/],
    ["a header that is no object", () => [lengthPrefix(4, "null")], /malformed/],
    ["an unknown kind", () => [encodeFrame({ kind: "erase" })], /malformed/],
    ["a missing field", () => [encodeFrame({ kind: "hello", protocol: 1 })], /malformed/],
    ["one larger than the bound", () => [Buffer.alloc(linkMessageMaxBytes + 1)], /too-large/],
    ["another producer's id", () => [hello({ producer: sydney })], /producer-mismatch/],
    ["a batch before hello", () => [batch(producer)], /message-malformed/],
    ["another protocol", () => [hello({ protocol: 99 })], /hub-refused/],
    ["another cluster", () => [hello({ clusterId: "f".repeat(32) })], /hub-refused/],
    [
      "a version that no hub gave",
      () => [hello({ view: { epoch: Number.MAX_SAFE_INTEGER, position: 1 } })],
      /hub-refused/,
    ],
    [
      "keys that nobody asked for",
      () => [hello(), encodeFrame({ kind: "registry-return", last: true }, randomBytes(100))],
      /message-malformed/,
    ],
  ];
  for (const [name, frames, counted] of table) {
    test(name, () =>
      assertRefused(counted, async () => {
        assert.ok(await send(frames()), "the hub closes the connection");
      }),
    );
  }
});

suite("a batch is refused", () => {
  const garbled = (): Buffer => {
    const bytes = batch(producer);
    const at = bytes.length - 20;
    bytes[at] = (bytes[at] as number) ^ 1;
    // As one that was damaged before it was sent.
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    return bytes;
  };
  const table: [name: string, frame: () => Buffer][] = [
    ["in which a bit is flipped", garbled],
    ["without content", () => encodeFrame({ kind: "batch", incarnation, seq: 1 })],
    ["of another producer", () => batch(sydney)],
  ];
  for (const [name, frame] of table) {
    test(name, () =>
      assertRefused(/result="refused"/, async () => {
        await send([hello(), frame()], 300);
      }),
    );
  }
});

suite("a request to the admin API is refused", () => {
  const post = async (body: string, token = cluster.state.token): Promise<number> => {
    const response = await fetch(`${cluster.state.hub.url}/v1/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
    });
    await response.text();
    return response.status;
  };
  const table: [name: string, run: () => Promise<number>, status: number][] = [
    ["without the admin token", () => post('{"plan":"pro"}', "x".repeat(43)), 401],
    ["with the join token", () => post('{"plan":"pro"}', cluster.joinToken), 401],
    ["that is no JSON", () => post('{"plan":'), 400],
    ["for a plan that does not exist", () => post('{"plan":"nobody"}'), 400],
    ["with an unknown field", () => post('{"plan":"pro","admin":true}'), 400],
    ["larger than the bound", () => post(`{"plan":"${"x".repeat(100_000)}"}`), 413],
    [
      "for metrics, without the token",
      async () => (await fetch(`${cluster.state.hub.url}/metrics`)).status,
      401,
    ],
  ];
  for (const [name, run, expected] of table) {
    test(name, async () => {
      const before = await state();
      assert.equal(await run(), expected);
      assert.deepEqual(await state(), before);
    });
  }
});

test("after all that, the gateways are connected, the count goes on and everything is equal", async () => {
  await fetch(cluster.region("sydney").url, { headers: { "x-api-key": key } });
  await until(async () => (await cluster.usage("seoul", key))?.limits[0]?.used === 2, 5_000);
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.ok(!cluster.output.includes(secret) && !cluster.output.includes(cluster.joinToken));
});
