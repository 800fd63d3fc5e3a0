/**
 * One direction of one connection through a `FaultProxy`: what it reads from one socket it writes to another later, spoiled,
 * or not at all.
 */

import type { Socket } from "node:net";

/** `up`: from the client that connects to the server that listens. */
export type Direction = "up" | "down";

export interface LinkFaults {
  /** One way. */
  readonly delayMs: number;
  /** On top of the delay, 0 to this, evenly spread; the order stays. */
  readonly jitterMs: number;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Of segments, 0 to below 1. Each loss of the same segment costs a time-out, twice as long as the one before. */
  readonly lossShare: number;
  readonly isStalled: boolean;
}

export const noFaults: LinkFaults = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: 0,
  lossShare: 0,
  isStalled: false,
};

/** Bytes kept of one connection and direction, about what two kernels would hold. */
export const heldBytesMax = 1024 * 1024;

/** Of data on Ethernet; loss strikes segments. */
const segmentBytes = 1448;
/** Linux's shortest time-out for retransmission, and the longest one that this proxy waits. */
const retransmitMsMin = 200;
const retransmitMsMax = 10_000;

/** What happened so far. */
export interface FaultCounts {
  connections: number;
  lostSegments: number;
  corruptedBytes: number;
  cut: number;
}

/** What a pipe needs of its proxy. */
export interface PipeSurroundings {
  /** Read anew for every piece of data. */
  readonly faults: Readonly<Record<Direction, LinkFaults>>;
  readonly random: () => number;
  readonly counts: FaultCounts;
}

export interface PipeEnds {
  /** Asked for when there is something to write. */
  readonly sink: () => Socket;
  /** Both sockets must be reset. */
  readonly broken: () => void;
}

/** `end`: the sender will send no more; `reset`: it is gone. */
type Item = { readonly dueMs: number; readonly data: Buffer | "end" | "reset" };

/** One direction of one connection: a queue in order of sending, from which items leave when they are due. */
export class Pipe {
  heldBytes = 0;
  readonly #direction: Direction;
  readonly #outside: PipeSurroundings;
  readonly #ends: PipeEnds;
  #source: Socket | undefined;
  #queue: Item[] = [];
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isForgotten = false;
  #isWaitingForSink = false;
  #cutIn = Number.POSITIVE_INFINITY;
  #corruptIn = Number.POSITIVE_INFINITY;

  constructor(direction: Direction, outside: PipeSurroundings, ends: PipeEnds) {
    this.#direction = direction;
    this.#outside = outside;
    this.#ends = ends;
  }

  readFrom(source: Socket): void {
    this.#source = source;
    let hasFailed = false;
    source.on("data", (data: Buffer) => {
      if (this.#isForgotten) return;
      this.heldBytes += data.length;
      if (this.heldBytes >= heldBytesMax) source.pause();
      this.#push(data);
    });
    source.on("end", () => this.#push("end"));
    source.on("error", () => {
      hasFailed = true;
    });
    source.on("close", () => {
      if (hasFailed) this.#push("reset");
    });
  }

  cutAfter(bytes: number): void {
    this.#cutIn = bytes;
  }

  corruptAfter(bytes: number): void {
    this.#corruptIn = bytes;
  }

  forget(): void {
    this.close();
    this.#isForgotten = true;
    this.#source?.resume();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.heldBytes = 0;
  }

  #push(data: Item["data"]): void {
    if (this.#isForgotten) return;
    const bytes = typeof data === "string" ? 1 : data.length;
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + this.#delayMs(bytes));
    const { bytesPerSecond } = this.#outside.faults[this.#direction];
    if (bytesPerSecond > 0) this.#lastDueMs += (bytes * 1_000) / bytesPerSecond;
    this.#queue.push({ dueMs: this.#lastDueMs, data });
    this.deliver();
  }

  #delayMs(bytes: number): number {
    const { delayMs, jitterMs, lossShare } = this.#outside.faults[this.#direction];
    let retransmitMs = 0;
    for (let at = 0; at < bytes && lossShare > 0; at += segmentBytes) {
      let lateMs = 0;
      let timeoutMs = Math.max(retransmitMsMin, 2 * delayMs);
      while (this.#outside.random() < lossShare && lateMs < retransmitMsMax) {
        this.#outside.counts.lostSegments++;
        lateMs += timeoutMs;
        timeoutMs *= 2;
      }
      retransmitMs = Math.max(retransmitMs, Math.min(lateMs, retransmitMsMax));
    }
    return delayMs + jitterMs * this.#outside.random() + retransmitMs;
  }

  /** All that is due and may go. */
  deliver(): void {
    clearTimeout(this.#timer);
    while (!this.#isWaitingForSink && !this.#outside.faults[this.#direction].isStalled) {
      const first = this.#queue[0];
      if (first === undefined) return;
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.deliver(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#write(first.data);
    }
  }

  #write(data: Item["data"]): void {
    const sink = this.#ends.sink();
    if (data === "reset") return this.#ends.broken();
    if (data === "end") return void sink.end();
    this.heldBytes -= data.length;
    if (this.heldBytes < heldBytesMax) this.#source?.resume();
    const piece = this.#spoil(data);
    const hasRoom = sink.destroyed || sink.write(piece);
    if (this.#cutIn <= 0) {
      this.#outside.counts.cut++;
      // What was written before goes out first.
      sink.write("", () => this.#ends.broken());
      this.#isWaitingForSink = true;
    } else if (!hasRoom) {
      this.#isWaitingForSink = true;
      sink.once("drain", () => {
        this.#isWaitingForSink = false;
        this.deliver();
      });
    }
  }

  /** Corrupted and cut as asked for. */
  #spoil(data: Buffer): Buffer {
    const piece = Buffer.from(data.subarray(0, Math.min(data.length, this.#cutIn)));
    this.#cutIn -= piece.length;
    if (this.#corruptIn < piece.length) {
      const bit = Math.floor(this.#outside.random() * 8);
      piece[this.#corruptIn] = (piece[this.#corruptIn] as number) ^ (1 << bit);
      this.#outside.counts.corruptedBytes++;
      this.#corruptIn = Number.POSITIVE_INFINITY;
    }
    this.#corruptIn -= piece.length;
    return piece;
  }
}
