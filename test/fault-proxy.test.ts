/** The network faults of whole-system tests do what they say, and nothing else. */

import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { until } from "./support/cluster.ts";
import { type Direction, heldBytesMax } from "./support/fault-pipe.ts";
import { FaultProxy } from "./support/fault-proxy.ts";

/** A server that keeps what it reads, beside a client that does so, too. */
let server: Server;
let serverSide: Socket[] = [];
let proxy: FaultProxy;
let randoms: number[] = [];

before(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    serverSide.push(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  proxy = await FaultProxy.start(`http://127.0.0.1:${port}`, {
    random: () => randoms.shift() ?? 0.999,
  });
});

after(async () => {
  await proxy.stop();
  for (const socket of serverSide) socket.destroy();
  server.close();
});

beforeEach(() => {
  proxy.heal();
  proxy.reset();
  serverSide = [];
  randoms = [];
});

/** What arrives at a socket. */
class Kept {
  readonly socket: Socket;
  ended = false;
  /** Code of the error that ended it, `closed` without one. */
  gone: string | undefined;
  length = 0;
  #chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#chunks.push(data);
      this.length += data.length;
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.gone = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.gone ??= "closed";
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  forget(): void {
    this.#chunks = [];
    this.length = 0;
  }
}

/** A connection through the proxy over which a byte went each way. */
async function open(): Promise<Record<Direction, Kept>> {
  const { port } = new URL(proxy.url);
  const client = new Kept(connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true }));
  client.socket.write("a");
  const count = serverSide.length;
  await until(() => serverSide.length > count, 2_000, "the server to be reached");
  const peer = new Kept(serverSide.at(-1) as Socket);
  peer.socket.write("b");
  await until(() => client.length === 1 && peer.length === 1, 2_000, "a byte each way");
  client.forget();
  peer.forget();
  return { up: client, down: peer };
}

/** Who writes in a direction, and who reads. */
function ends(both: Record<Direction, Kept>, direction: Direction): [Kept, Kept] {
  return direction === "up" ? [both.up, both.down] : [both.down, both.up];
}

async function arrivesAfterMs(reader: Kept, text: string): Promise<number> {
  return until(() => reader.bytes.toString() === text, 5_000, `${text} to arrive`);
}

for (const direction of ["up", "down"] as const) {
  const other = direction === "up" ? "down" : "up";

  test(`${direction}: a delay holds in its own direction alone, with data in order`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.set([direction], { delayMs: 150, jitterMs: 100 });
    randoms = [0.999, 0];
    writer.socket.write("1");
    await until(() => proxy.heldBytes === 1, 1_000);
    writer.socket.write("2");
    const [back, forth] = ends(both, other);
    back.socket.write("x");
    assert.ok((await arrivesAfterMs(forth, "x")) < 140, "the other way is as fast as ever");
    assert.equal(reader.length, 0);
    assert.ok((await arrivesAfterMs(reader, "12")) > 100);
  });

  test(`${direction}: stalled, nothing arrives, the end included, until it is healed`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.set([direction], { isStalled: true });
    writer.socket.write("held");
    writer.socket.end();
    const [back, forth] = ends(both, other);
    back.socket.write("x");
    await arrivesAfterMs(forth, "x");
    await until(() => proxy.heldBytes === 4, 1_000);
    assert.equal(reader.length, 0);
    assert.equal(reader.ended, false);
    proxy.heal();
    await arrivesAfterMs(reader, "held");
    await until(() => reader.ended, 1_000, "the end to arrive");
  });

  test(`${direction}: what a stalled direction holds is bounded, and the sender waits`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.set([direction], { isStalled: true });
    const sent = Buffer.alloc(24 * heldBytesMax, 7);
    writer.socket.write(sent);
    await until(() => proxy.heldBytes >= heldBytesMax, 5_000, "the bound to be reached");
    assert.ok(proxy.heldBytes < heldBytesMax + 128 * 1024, `${proxy.heldBytes} bytes are held`);
    assert.ok(writer.socket.writableLength > 0, "the rest waits at the sender");
    proxy.heal();
    await until(() => reader.length === sent.length, 20_000, "all of it to arrive");
    assert.ok(reader.bytes.equals(sent));
  });

  test(`${direction}: so many bytes pass, then both ends are reset`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.cutAfter(direction, 3);
    writer.socket.write("12345");
    await until(() => writer.gone !== undefined && reader.gone !== undefined, 2_000);
    assert.ok("123".startsWith(reader.bytes.toString()), "nothing beyond the cut arrives");
    assert.equal(writer.gone, "ECONNRESET");
  });

  test(`${direction}: one bit of one byte is flipped, once`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.corruptAfter(direction, 2);
    randoms = [0.999, 0.999, 0];
    writer.socket.write("AAAA");
    await until(() => reader.length === 4, 2_000);
    writer.socket.write("AAAA");
    await until(() => reader.length === 8, 2_000);
    const flipped = [...reader.bytes].map((byte) => byte ^ 65);
    assert.deepEqual(
      flipped.map((bits) => bits !== 0),
      [0, 0, 1, 0, 0, 0, 0, 0].map(Boolean),
    );
    assert.ok([1, 2, 4, 8, 16, 32, 64, 128].includes(flipped[2] as number), "a single bit");
  });

  test(`${direction}: a lost segment arrives after a time-out for retransmission`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    const before = proxy.counts.lostSegments;
    proxy.set([direction], { lossShare: 0.5 });
    randoms = [0.4, 0.9];
    writer.socket.write("late");
    assert.ok((await arrivesAfterMs(reader, "late")) > 150);
    assert.equal(proxy.counts.lostSegments, before + 1);
  });

  test(`${direction}: no more bytes a second than the bandwidth`, async () => {
    const both = await open();
    const [writer, reader] = ends(both, direction);
    proxy.set([direction], { bytesPerSecond: 100_000 });
    writer.socket.write(Buffer.alloc(30_000, 1));
    const tookMs = await until(() => reader.length === 30_000, 5_000);
    assert.ok(tookMs >= 250, `30,000 bytes took ${tookMs} ms`);
  });
}

test("a reset is told to both ends at once", async () => {
  const both = await open();
  proxy.reset();
  await until(() => both.up.gone === "ECONNRESET" && both.down.gone === "ECONNRESET", 2_000);
  assert.equal(proxy.openConnections, 0);
});

test("a forgotten connection tells nobody anything, and a new one works", async () => {
  const both = await open();
  proxy.forget();
  both.up.socket.write("into the void");
  both.down.socket.write("into the void");
  both.up.socket.end();
  const { up, down } = await open();
  up.socket.write("1");
  await arrivesAfterMs(down, "1");
  assert.equal(both.down.length + both.up.length, 0);
  assert.deepEqual([both.down.ended, both.down.gone, both.up.gone], [false, undefined, undefined]);
});

test("what one end resets, the other sees reset", async () => {
  const both = await open();
  both.up.socket.resetAndDestroy();
  await until(() => both.down.gone === "ECONNRESET", 2_000);
  await until(() => proxy.openConnections === 0, 2_000, "the proxy to forget it");
});

test("a connection given up while the way is blocked never reaches the server", async () => {
  proxy.set(["up"], { isStalled: true });
  const { port } = new URL(proxy.url);
  const client = new Kept(connect({ host: "127.0.0.1", port: Number(port) }));
  client.socket.write("never");
  await until(() => proxy.heldBytes === 5, 2_000);
  client.socket.resetAndDestroy();
  await until(() => proxy.openConnections === 0, 2_000, "the proxy to forget it");
  proxy.heal();
  await open();
  assert.equal(serverSide.length, 1);
});
