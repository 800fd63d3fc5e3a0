/**
 * From the fold to the gateways: at most every `publishIntervalMs` one update with all that changed, encoded once and
 * sent to all. Recent updates are kept, so that a gateway that was away for a moment goes on from its own version.
 *
 * Left to others: what a session does with an update (gateway-session), whole views (snapshot-sender).
 */

import type { EpochMs, Position, Version } from "../base/words.ts";
import { encodeUpdate } from "../metering/feed-codec.ts";
import type { Clock, Timer, Timers } from "../ports/clock.ts";
import { linkMessageMaxBytes } from "../ports/link.ts";
import type { HubState } from "./hub-state.ts";

/** Updates kept: at one every 10 ms those of 20 s, which is a lost connection and its first attempts to come back. */
export const ringUpdatesMax = 2_048;
export const ringBytesMax = 32 * 1024 * 1024;

/** Changes from which on an update is due at once: its bytes then stay far below a message's limit. */
export const publishEntriesMax = 50_000;

export interface Update {
  readonly base: Position;
  readonly position: Position;
  readonly bytes: Uint8Array;
}

export interface UpdateSubscriber {
  onUpdate(update: Update): void;
  /** What the subscriber holds does not lead on: the epoch is new, or an update was too large for a message. */
  onBreak(): void;
}

export interface ReplicatorOptions {
  readonly publishIntervalMs: number;
  readonly hubTimeMs: () => EpochMs;
  readonly onPublished: (update: Update) => void;
}

export class Replicator {
  readonly #state: HubState;
  readonly #time: { clock: Clock; timers: Timers };
  readonly #options: ReplicatorOptions;
  readonly #subscribers = new Set<UpdateSubscriber>();
  #ring: Update[] = [];
  #ringBytes = 0;
  #epoch: number;
  #position: Position;
  #timer: Timer | undefined;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  /** Takes what was folded so far as published: a gateway that comes now gets a snapshot. */
  constructor(
    state: HubState,
    time: { clock: Clock; timers: Timers },
    options: ReplicatorOptions & { epoch: number },
  ) {
    this.#state = state;
    this.#time = time;
    this.#options = options;
    this.#epoch = options.epoch;
    state.totals.takeFeedChanges();
    this.#position = state.position;
  }

  /** The newest version that gateways were told of. */
  get version(): Version {
    return { epoch: this.#epoch, position: this.#position };
  }

  subscribe(subscriber: UpdateSubscriber): void {
    this.#subscribers.add(subscriber);
  }

  unsubscribe(subscriber: UpdateSubscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Something was folded: publishes now or when the interval is over. */
  changed(): void {
    if (this.#state.totals.unpublished >= publishEntriesMax) return this.publish();
    if (this.#timer !== undefined || this.#stopped) return;
    const sinceMs = this.#time.clock.monotonicMs() - this.#publishedAtMs;
    const waitMs = Math.max(0, this.#options.publishIntervalMs - sinceMs);
    const run = (): void => this.publish();
    if (waitMs >= 1) this.#timer = this.#time.timers.after(waitMs, run);
    else this.publish();
  }

  /** Publishes what is not published yet. Afterwards `version` is the fold's position. */
  publish(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { position } = this.#state;
    if (position === this.#position) return;
    this.#publishedAtMs = this.#time.clock.monotonicMs();
    const { windows, producers, marks } = this.#state.totals.takeFeedChanges();
    const base = this.#position;
    const bytes = encodeUpdate({
      epoch: this.#epoch,
      base,
      position,
      hubTimeMs: this.#options.hubTimeMs(),
      horizonMs: this.#state.horizonMs,
      watermarks: producers.map((key) => [key, this.#state.fold.watermark(key)]),
      marks,
      windows,
    });
    this.#position = position;
    if (bytes.length > linkMessageMaxBytes - 1_024) return this.#break();
    const update = { base, position, bytes };
    this.#keep(update);
    for (const subscriber of this.#subscribers) subscriber.onUpdate(update);
    this.#options.onPublished(update);
  }

  /** The updates that lead from `version` to the newest; undefined if they are not kept any more. */
  since(version: Version): readonly Update[] | undefined {
    if (version.epoch !== this.#epoch || version.position > this.#position) return undefined;
    if (version.position === this.#position) return [];
    const from = this.#ring.findIndex((update) => update.position > version.position);
    const first = this.#ring[from];
    return first !== undefined && first.base <= version.position
      ? this.#ring.slice(from)
      : undefined;
  }

  /** All versions from now on are of `epoch`, and all gateways need a snapshot. Returns the last one before. */
  startEpoch(epoch: number): void {
    this.publish();
    this.#epoch = epoch;
    this.#break();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#stopped = true;
  }

  #break(): void {
    this.#ring = [];
    this.#ringBytes = 0;
    for (const subscriber of [...this.#subscribers]) subscriber.onBreak();
  }

  #keep(update: Update): void {
    this.#ring.push(update);
    this.#ringBytes += update.bytes.length;
    while (this.#ring.length > ringUpdatesMax || this.#ringBytes > ringBytesMax) {
      const oldest = this.#ring.shift();
      this.#ringBytes -= oldest?.bytes.length ?? 0;
    }
  }
}
