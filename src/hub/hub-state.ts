/**
 * Fold, totals and leases together: what a ledger is loaded into and records are applied to. The running hub has one; `verify`
 * and `replay` make others to compute the same again.
 */

import type { EpochMs, Position, ProducerKey, Seq, Version } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import type { Batch } from "../metering/batch-codec.ts";
import { Fold, type FoldOutcome } from "../metering/fold.ts";
import { decodeStreamRecord, type StreamEntry } from "../metering/stream-record.ts";
import type {
  DamagedTotal,
  FoldCheckpoint,
  LedgerDelta,
  LedgerStore,
} from "../ports/ledger-store.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import { HubLeases } from "./hub-leases.ts";
import { HubTotals } from "./hub-totals.ts";

/** What applying a record came to. `reason` is set where the record is malformed. */
export interface Applied {
  readonly outcome: FoldOutcome;
  readonly reason: string | undefined;
}

export class HubState {
  readonly totals = new HubTotals();
  readonly leases = new HubLeases();
  readonly fold = new Fold({
    batch: (batch) => {
      this.totals.batch(batch);
      if (batch.leases.length > 0) this.leases.batch(batch);
    },
    expire: (horizonMs) => {
      this.totals.expire(horizonMs);
      this.leases.expire(horizonMs);
    },
    grant: (grant) => this.leases.grant(grant),
    fence: (untilMs) => this.leases.fence(untilMs),
    strict: (since) => this.leases.strict(since),
    soft: (counter) => this.leases.soft(counter),
  });

  get position(): Position {
    return this.fold.position;
  }

  /** Takes up all that a ledger holds. Once, before any record. */
  async load(
    ledger: LedgerStore,
  ): Promise<{ version: Version; damaged: readonly DamagedTotal[] } | undefined> {
    const loaded = await ledger.load((columns) => this.totals.load(columns));
    if (loaded === undefined) return undefined;
    const { version, horizonMs, producers } = loaded.fold;
    this.totals.horizonMs = horizonMs;
    this.leases.restore(loaded.fold);
    this.leases.load(loaded.leases);
    this.fold.restore({ position: version.position, horizonMs, producers });
    return { version, damaged: loaded.damaged };
  }

  /**
   * Batches whose bytes were decoded when they came, for as long as somebody holds those bytes: the stream gives the
   * same bytes back once they are durable, and they are not decoded twice.
   */
  readonly decoded = new WeakMap<Uint8Array, Batch>();

  apply(record: StreamRecord): Applied {
    const { bytes } = record;
    const batch = this.decoded.get(bytes);
    const entry: StreamEntry =
      batch === undefined ? decodeStreamRecord(bytes) : { kind: "batch", batch, bytes };
    const outcome = this.fold.apply(record.position, entry);
    if (entry.kind === "lost") {
      this.totals.noteProducer(producerKey(entry.producer, entry.incarnation));
    }
    return { outcome, reason: entry.kind === "malformed" ? entry.reason : undefined };
  }

  /** The fold's own state, copied: later records do not change it. */
  checkpoint(epoch: number): FoldCheckpoint {
    const producers = [...this.fold.producers].map(([producer, { last, parked, lost }]) => ({
      producer,
      last,
      parked: [...parked].map(([seq, bytes]) => ({ seq, bytes })),
      lost: lost.map(([from, to]) => [from, to] as const),
    }));
    const version = { epoch, position: this.position };
    const { horizonMs, leases } = this;
    const { fenceMs, strictSince } = leases;
    return { version, horizonMs, producers, fenceMs, strictSince };
  }

  /** All that changed since the last call; nothing may be unpublished (see `HubTotals`). */
  takeDelta(epoch: number): LedgerDelta {
    const { leases, dropped } = this.leases.take();
    const changes = this.totals.takeLedgerChanges();
    return {
      fold: this.checkpoint(epoch),
      ...changes,
      dropped: [...new Set([...changes.dropped, ...dropped])],
      leases,
    };
  }

  watermarks(): (readonly [ProducerKey, Seq])[] {
    return [...this.fold.producers].map(([producer, { last }]) => [producer, last] as const);
  }

  get horizonMs(): EpochMs {
    return this.totals.horizonMs;
  }
}
