/**
 * Sends sealed batches to the hub until the view's watermarks cover them. Handing a batch to the link delivers nothing:
 * after every reconnect, resend request or new epoch the sender goes on from what is covered.
 *
 * In flight are at most `inFlightMaxBatches` and about `inFlightMaxBytes`; the rest waits in the journal.
 */

import type { Incarnation, ProducerId, Seq } from "../base/words.ts";
import type { Journal } from "../ports/journal.ts";
import type { GatewayEnd } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";

/** At a round trip of 300 ms and batches of 50 ms this catches up 3,400 batches a second: an hour's outage in 21 s. */
export const inFlightMaxBatches = 1_024;
export const inFlightMaxBytes = 8 * 1024 * 1024;
/** Sealed bytes kept in memory so that the ordinary case does not read the journal. */
const recentMaxBytes = 4 * 1024 * 1024;
const readBytes = 1024 * 1024;

interface Lane {
  /** Highest seq handed to the link since it opened. */
  sent: Seq;
  covered: Seq;
}

export class Sender {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly producer: ProducerId;
  readonly #lanes = new Map<Incarnation, Lane>();
  readonly #recent = new Map<string, Uint8Array>();
  #recentBytes = 0;
  #end: GatewayEnd | undefined;
  #reading = false;

  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
    this.producer = journal.identity.producer;
  }

  /** A link is open and the hub has said how far it is with this producer. */
  connected(end: GatewayEnd, watermarks: readonly (readonly [Incarnation, Seq])[]): void {
    this.#end = end;
    const known = new Map(watermarks);
    for (const range of this.#journal.ranges()) {
      // Long gone and not asked about: nothing to send, nothing to declare.
      const forgotten = range.first > range.last ? range.last : 0;
      const covered = known.get(range.incarnation) ?? forgotten;
      this.#lanes.set(range.incarnation, { sent: covered, covered });
    }
    this.pump();
  }

  disconnected(): void {
    this.#end = undefined;
  }

  /** A batch of this incarnation is on disk. */
  sealed(seq: Seq, bytes: Uint8Array): void {
    const key = `${this.#journal.incarnation}/${seq}`;
    this.#recent.set(key, bytes);
    this.#recentBytes += bytes.length;
    for (const [oldest, held] of this.#recent) {
      if (this.#recentBytes <= recentMaxBytes) break;
      this.#recent.delete(oldest);
      this.#recentBytes -= held.length;
    }
    this.pump();
  }

  /** The view covers the incarnation up to `seq`. */
  covered(incarnation: Incarnation, seq: Seq): void {
    const lane = this.#lane(incarnation);
    for (let s = lane.covered + 1; s <= seq && s <= lane.covered + inFlightMaxBatches; s++) {
      this.#dropRecent(`${incarnation}/${s}`);
    }
    lane.covered = seq;
    if (lane.sent < seq) lane.sent = seq;
    this.pump();
  }

  /** The hub misses `from` and what follows. */
  resend(incarnation: Incarnation, from: Seq): void {
    const lane = this.#lane(incarnation);
    lane.sent = Math.min(lane.sent, from - 1);
    this.pump();
  }

  /** Hands over what fits in flight. Called again whenever something may have changed. */
  pump(): void {
    for (const range of this.#journal.ranges()) {
      const lane = this.#lane(range.incarnation);
      if (lane.sent + 1 < range.first) this.#declareLost(range.incarnation, lane, range.first - 1);
      while (this.#end !== undefined && lane.sent < range.last) {
        if (isFull(lane)) break;
        if (this.#end.bufferedBytes > inFlightMaxBytes) return;
        const seq = lane.sent + 1;
        const bytes = this.#recent.get(`${range.incarnation}/${seq}`);
        if (bytes === undefined) {
          this.#read(range.incarnation, seq);
          break;
        }
        this.#send(range.incarnation, lane, { seq, bytes });
      }
    }
  }

  #send(incarnation: Incarnation, lane: Lane, batch: { seq: Seq; bytes: Uint8Array }): void {
    this.#end?.send({ kind: "batch", incarnation, seq: batch.seq }, batch.bytes);
    lane.sent = batch.seq;
  }

  /**
   * The journal has trimmed or lost what the hub still misses: only its producer may say so. This
   * follows a journal whose rows were damaged, or a hub restored from before its newest backup.
   */
  #declareLost(incarnation: Incarnation, lane: Lane, to: Seq): void {
    if (this.#end === undefined) return;
    const from = lane.sent + 1;
    this.#log.error("batches are lost: the hub misses them and the journal no longer has them", {
      incarnation,
      from,
      to,
    });
    this.#end.send({ kind: "lost", incarnation, from, to });
    lane.sent = to;
  }

  #read(incarnation: Incarnation, from: Seq): void {
    if (this.#reading) return;
    this.#reading = true;
    const end = this.#end;
    this.#journal.read(incarnation, { from, bytesMax: readBytes }).then(
      ({ batches, damaged }) => {
        this.#reading = false;
        const lane = this.#lane(incarnation);
        // The link may have changed meanwhile, or a resend moved the place: then this is stale.
        if (end === undefined || end !== this.#end || lane.sent + 1 !== from) return this.pump();
        const missing = new Set(damaged);
        let progressed = false;
        for (const batch of batches) {
          while (missing.delete(lane.sent + 1)) {
            this.#declareLost(incarnation, lane, lane.sent + 1);
          }
          if (batch.seq !== lane.sent + 1 || isFull(lane)) break;
          this.#send(incarnation, lane, batch);
          progressed = true;
        }
        while (missing.delete(lane.sent + 1)) {
          this.#declareLost(incarnation, lane, lane.sent + 1);
          progressed = true;
        }
        if (progressed) this.pump();
      },
      (cause: unknown) => {
        this.#reading = false;
        this.#log.error("the journal could not be read; trying again", { incarnation }, cause);
      },
    );
  }

  #lane(incarnation: Incarnation): Lane {
    let lane = this.#lanes.get(incarnation);
    if (lane === undefined) {
      lane = { sent: 0, covered: 0 };
      this.#lanes.set(incarnation, lane);
    }
    return lane;
  }

  #dropRecent(key: string): void {
    const bytes = this.#recent.get(key);
    if (bytes === undefined) return;
    this.#recent.delete(key);
    this.#recentBytes -= bytes.length;
  }
}

function isFull(lane: Lane): boolean {
  return lane.sent - lane.covered >= inFlightMaxBatches;
}
