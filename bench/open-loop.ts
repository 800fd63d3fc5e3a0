/**
 * An open-loop generator of HTTP/1.1 calls at random moments (Poisson), for times of single calls: its own thread waits for each
 * moment and writes, so that no call waits for another one's reply, and none is late because this process reads. A program of its
 * own, since it is pinned to a core: reads an `OpenLoad` as one line of JSON, prints `Times` as one.
 */

import { writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { seededRandom } from "../src/base/random.ts";

export interface OpenLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Of calls answered with 200, µs from the write to the end of the reply, rising. */
export interface Times {
  readonly times: readonly number[];
  /** Answered otherwise, by status; 0: not at all. */
  readonly failed: Readonly<Record<number, number>>;
  /** Not sent, since no connection was free. */
  readonly missed: number;
}

/** Shared between the thread that writes and the one that reads, by connection. */
interface Shared {
  readonly fds: readonly number[];
  readonly request: Uint8Array;
  /** 1 while a reply is awaited. */
  readonly busy: Int32Array;
  /** When the call was written, ns of the monotonic clock. */
  readonly sentAt: BigInt64Array;
  /** Calls sent, and missed. */
  readonly counts: Int32Array;
  readonly perSecond: number;
  readonly seconds: number;
}

const replyMsMax = 2_000;
const head = /^HTTP\/1\.1 (\d{3}) [^]*?\r\ncontent-length: *(\d+)\r\n[^]*?\r\n\r\n/i;

/** The thread that writes. */
function write({ fds, request, busy, sentAt, counts, perSecond, seconds }: Shared): void {
  const random = seededRandom(1);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const startNs = process.hrtime.bigint();
  const endNs = seconds * 1e9;
  let dueNs = 0;
  let last = 0;
  for (;;) {
    dueNs += (-Math.log(1 - random.next()) / perSecond) * 1e9;
    if (dueNs > endNs) return;
    const waitNs = dueNs - Number(process.hrtime.bigint() - startNs);
    if (waitNs > 0) Atomics.wait(sleeper, 0, 0, waitNs / 1e6);
    let at = (last + 1) % fds.length;
    while (at !== last && Atomics.load(busy, at) !== 0) at = (at + 1) % fds.length;
    if (Atomics.load(busy, at) !== 0) {
      Atomics.add(counts, 1, 1);
      continue;
    }
    last = at;
    Atomics.store(busy, at, 1);
    Atomics.store(sentAt, at, process.hrtime.bigint());
    writeSync(fds[at] as number, request);
    Atomics.add(counts, 0, 1);
  }
}

/** Tells of each whole reply. */
function read(socket: Socket, onReply: (status: number) => void): void {
  let pending = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => {
    pending += chunk as unknown as string;
    const found = head.exec(pending);
    if (found === null) return;
    const length = found[0].length + Number(found[2]);
    if (pending.length < length) return;
    pending = pending.slice(length);
    onReply(Number(found[1]));
  });
}

function shared<T>(of: new (buffer: SharedArrayBuffer) => T, bytes: number): T {
  return new of(new SharedArrayBuffer(bytes));
}

async function run(load: OpenLoad): Promise<Times> {
  const { hostname, port, pathname, search, host } = new URL(load.url);
  const fields = Object.entries({ host, ...load.headers }).map(([n, v]) => `${n}: ${v}\r\n`);
  const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${fields.join("")}\r\n`);
  const sockets = await Promise.all(
    Array.from({ length: load.connections }, () => opened(hostname, Number(port))),
  );
  const busy = shared(Int32Array, 4 * sockets.length);
  const sentAt = shared(BigInt64Array, 8 * sockets.length);
  const counts = shared(Int32Array, 8);
  const times: number[] = [];
  const failed: Record<number, number> = {};
  let replies = 0;
  for (const [i, socket] of sockets.entries()) {
    read(socket, (status) => {
      const tookNs = Number(process.hrtime.bigint() - Atomics.load(sentAt, i));
      Atomics.store(busy, i, 0);
      replies++;
      if (status === 200) times.push(Math.round(tookNs / 1_000));
      else failed[status] = (failed[status] ?? 0) + 1;
    });
  }
  // The descriptor is not public: it is what lets a thread that never turns its event loop write.
  const fds = sockets.map(
    (socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd,
  );
  const { perSecond, seconds } = load;
  const data: Shared = { fds, request, busy, sentAt, counts, perSecond, seconds };
  const writer = new Worker(new URL(import.meta.url), { workerData: data });
  await new Promise<void>((resolve, reject) => {
    writer.once("error", reject);
    writer.once("exit", () => resolve());
  });
  const giveUpMs = performance.now() + replyMsMax;
  const sent = Atomics.load(counts, 0);
  while (replies < sent && performance.now() < giveUpMs) {
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
  for (const socket of sockets) socket.destroy();
  times.sort((a, b) => a - b);
  if (replies < sent) failed[0] = sent - replies;
  return { times, failed, missed: Atomics.load(counts, 1) };
}

function opened(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

if (isMainThread) {
  console.log(JSON.stringify(await run(JSON.parse(await text(process.stdin)) as OpenLoad)));
} else {
  write(workerData as Shared);
}
