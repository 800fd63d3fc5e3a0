/**
 * One thread, one queue of events, one seed: the world that a simulated cluster lives in. Two runs of a seed run the same
 * events in the same order, which the trace hash shows.
 *
 * After each event every promise that it settled goes on as far as it can: the world goes on from the runtime's tick queue,
 * which is come to when no promise is left to run, and costs a tenth of a turn of the event loop. Nothing in a simulated process waits for anything but the queue and other promises.
 */

import { crc32 } from "../base/hash.ts";
import { type SeededRandom, seededRandom } from "../base/random.ts";

const atTick = (resolve: () => void): void => process.nextTick(resolve);

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise(atTick);
}

/** Whose event it is: it does not run once its owner is dead, and waits while its owner is paused. */
export interface Owner {
  readonly isDead: boolean;
  readonly pausedUntilMs: number;
  /** Which machine, in the trace hash. */
  readonly tag: number;
}

export interface Scheduled {
  cancel(): void;
}

class Event implements Scheduled {
  atMs: number;
  order: number;
  isCancelled = false;
  readonly owner: Owner | undefined;
  readonly run: () => void;

  constructor(at: { atMs: number; order: number }, owner: Owner | undefined, run: () => void) {
    this.atMs = at.atMs;
    this.order = at.order;
    this.owner = owner;
    this.run = run;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

export class World {
  nowMs = 0;
  /** Events that ran. */
  events = 0;
  readonly seed: number;
  readonly random: SeededRandom;
  /** How often each fault fired and each way of recovery was taken. */
  readonly counts = new Map<string, number>();
  /** Set: told what happens, one line each. */
  onTrace: ((line: string) => void) | undefined;
  readonly #heap: Event[] = [];
  #order = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x9e3779b9;

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed);
  }

  /** Runs `run` after `delayMs`; events of one instant run in the order in which they were scheduled. */
  schedule(delayMs: number, owner: Owner | undefined, run: () => void): Scheduled {
    const at = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++ };
    const event = new Event(at, owner, run);
    this.#push(event);
    return event;
  }

  /** Runs all events up to an instant. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > untilMs) break;
      this.#pop();
      if (event.isCancelled || event.owner?.isDead === true) continue;
      this.nowMs = event.atMs;
      const pausedUntilMs = event.owner?.pausedUntilMs ?? 0;
      if (pausedUntilMs > this.nowMs) {
        event.atMs = pausedUntilMs;
        event.order = this.#order++;
        this.#push(event);
        continue;
      }
      this.events++;
      this.mix(event.order ^ (event.owner?.tag ?? 0));
      event.run();
      await settled();
    }
    await settled();
    this.nowMs = untilMs;
  }

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.random.next();
  }

  trace(line: () => string): void {
    this.onTrace?.(`${(this.nowMs / 1000).toFixed(4).padStart(9)} ${line()}`);
  }

  /** Takes a number into the hash of all that happened. */
  mix(value: number): void {
    const time = Math.floor(this.nowMs * 1000) | 0;
    this.#hashA = mul(this.#hashA ^ value ^ time);
    this.#hashB = Math.imul((this.#hashB ^ (this.#hashA >>> 15)) + time, 0x85ebca6b);
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#hashA = mul(this.#hashA ^ text.charCodeAt(i));
    this.mix(text.length);
  }

  mixBytes(bytes: Uint8Array): void {
    this.mix(crc32(bytes));
  }

  get traceHash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#hashA) + hex(this.#hashB);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

/** A step of FNV-1a. */
function mul(word: number): number {
  return Math.imul(word, 0x01000193);
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
