/** What happened to the cluster, as the hub saw it. The newest are kept. */

import type { EpochMs } from "../base/words.ts";

export type EventKind = "hub" | "region" | "warning" | "lost" | "backup" | "config";

export interface EventDraft {
  readonly atMs: EpochMs;
  readonly kind: EventKind;
  /** The region's name, the producer; "" for the hub. */
  readonly subject: string;
  /** `up`, `down`, `begun: <sentence>`… */
  readonly detail: string;
}

export interface StoredEvent extends EventDraft {
  /** 1, 2, 3… */
  readonly seq: number;
}

export interface EventFilter {
  readonly kind?: EventKind | undefined;
  readonly subject?: string | undefined;
}

/** Events kept; older ones are forgotten. */
export const eventsKept = 10_000;

export interface EventStore {
  /** In one transaction, synced. */
  add(events: readonly EventDraft[]): Promise<void>;
  /** Newest first, events < `seq`, at most `limit`. */
  before(seq: number, limit: number, filter: EventFilter): readonly StoredEvent[];
  /** In order, events > `seq`, at most `limit`. */
  after(seq: number, limit: number): readonly StoredEvent[];
}
