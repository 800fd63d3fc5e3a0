/**
 * A gateway's newest totals of all regions and the watermarks they stand for: one atomic pair, with
 * the node's own uncovered charges beside them in the same tables.
 *
 * Applying an update moves totals, watermarks and own charges in one synchronous step, so that
 * E = total + own is right before and after it. What the step needs from the journal is asked for first
 * (`missing`); an update waits in the session until it is supplied.
 *
 * Left to others: where messages come from (hub-session), what is saved when (view-saver).
 */

import {
  compareVersions,
  type EpochMs,
  type ProducerId,
  type ProducerKey,
  type Seq,
  type Version,
  versionZero,
  type WindowId,
} from "../base/words.ts";
import { CounterTable } from "../limits/counter-table.ts";
import { parseWindowId } from "../limits/window.ts";
import { WindowTables } from "../limits/window-tables.ts";
import type { FeedUpdate, FeedWindow } from "../metering/feed-codec.ts";
import type { SavedView, WindowColumns } from "../ports/gateway-store.ts";
import type { MissingRange, OwnBatch, OwnCharges } from "./own-charges.ts";

/** Ended windows are kept this long for late entries and for `/-/usage` of a clock slightly behind. */
export const endedWindowGraceMs = 60_000;

/** A snapshot as it is installed: totals at one version, with own charges above its watermarks. */
export interface WholeSnapshot {
  readonly tables: WindowTables;
  readonly own: OwnCharges;
  readonly version: Version;
  readonly watermarks: ReadonlyMap<ProducerKey, Seq>;
  readonly asOfMs: EpochMs;
}

export type ApplyResult =
  | { readonly kind: "applied" }
  /** Not newer than what is held. */
  | { readonly kind: "stale" }
  /** Of another epoch, or it leads on from a version that is not held: a snapshot is needed. */
  | { readonly kind: "gap" }
  /** The journal must supply these own batches first. */
  | { readonly kind: "missing"; readonly range: MissingRange };

const applied: ApplyResult = { kind: "applied" };
const stale: ApplyResult = { kind: "stale" };
const gap: ApplyResult = { kind: "gap" };

export class RegionView {
  readonly region: string;
  readonly producer: ProducerId;
  /** Both are replaced as a whole when a snapshot is installed: do not keep them across turns. */
  own: OwnCharges;
  tables: WindowTables;
  version: Version = versionZero;
  readonly watermarks = new Map<ProducerKey, Seq>();
  /** Hub time that the view is known to be as new as; 0: never heard. */
  asOfMs: EpochMs = 0;
  #changed = new Map<string, CounterTable>();
  #replaced = false;

  constructor(identity: { region: string; producer: ProducerId }, own: OwnCharges) {
    this.region = identity.region;
    this.producer = identity.producer;
    this.own = own;
    this.tables = new WindowTables(identity.region);
  }

  ageMs(nowMs: EpochMs): number {
    return Math.max(0, nowMs - this.asOfMs);
  }

  /** `certainMs`: a time that has certainly passed, see `NodeTime`; what had ended by then a while ago is dropped. */
  apply(update: FeedUpdate, certainMs: EpochMs): ApplyResult {
    const next = { epoch: update.epoch, position: update.position };
    if (compareVersions(next, this.version) <= 0) return stale;
    if (update.epoch !== this.version.epoch || update.base > this.version.position) return gap;
    const missing = this.#missing(update.watermarks);
    if (missing !== undefined) return { kind: "missing", range: missing };

    for (const window of update.windows) this.#setTotals(this.tables, window, certainMs);
    this.#cover(update.watermarks);
    this.version = next;
    this.asOfMs = Math.max(this.asOfMs, update.hubTimeMs);
    // A hub whose clock was ahead for a while must not take away windows that go on here.
    const horizonMs = Math.max(
      Math.min(update.horizonMs, certainMs),
      certainMs - endedWindowGraceMs,
    );
    this.tables.dropEndedBefore(horizonMs);
    return applied;
  }

  /**
   * Takes over a snapshot: its tables hold the totals and all own charges above the watermarks. False if it is older than the
   * view. One of the same version is taken: it was asked for because windows are missing here, and the view went on meanwhile.
   */
  install(snapshot: WholeSnapshot): boolean {
    if (compareVersions(snapshot.version, this.version) < 0) return false;
    this.tables = snapshot.tables;
    this.own = snapshot.own;
    this.version = snapshot.version;
    this.watermarks.clear();
    for (const [producer, seq] of snapshot.watermarks) this.watermarks.set(producer, seq);
    this.asOfMs = snapshot.asOfMs;
    this.#changed = new Map();
    this.#replaced = true;
    return true;
  }

  /** The next save holds everything: an earlier one failed. */
  saveAll(): void {
    this.#replaced = true;
  }

  /** Takes up what was saved, before any charge. */
  restore(saved: SavedView): void {
    this.version = saved.version;
    this.asOfMs = saved.asOfMs;
    for (const [producer, seq] of saved.watermarks) this.watermarks.set(producer, seq);
  }

  restoreWindow(columns: WindowColumns, certainMs: EpochMs): void {
    const { window: id, lo, hi, total: net } = columns;
    writeTotals(this.tables, { id, lo, hi, net }, { certainMs, region: this.region });
  }

  /** Totals changed since the last call, for saving. `replace`: they are all there are. */
  takeChanges(): { windows: WindowColumns[]; replace: boolean } {
    const windows: WindowColumns[] = [];
    if (this.#replaced) {
      this.tables.forEach((live) => windows.push(columnsOf(live.id, live.table)));
    } else {
      for (const [id, table] of this.#changed) windows.push(columnsOf(id, table));
    }
    const replace = this.#replaced;
    this.#changed = new Map();
    this.#replaced = false;
    return { windows, replace };
  }

  #missing(watermarks: FeedUpdate["watermarks"]): MissingRange | undefined {
    for (const [key, seq] of watermarks) {
      const incarnation = this.#ownIncarnation(key);
      const missing = incarnation === undefined ? undefined : this.own.missing(incarnation, seq);
      if (missing !== undefined) return missing;
    }
    return undefined;
  }

  #cover(watermarks: FeedUpdate["watermarks"]): void {
    for (const [key, seq] of watermarks) {
      this.watermarks.set(key, seq);
      const incarnation = this.#ownIncarnation(key);
      if (incarnation === undefined) continue;
      this.own.cover(incarnation, seq, (batch) => addOwn(this.tables, batch, -1));
    }
  }

  /** The incarnation of a watermark of this producer; undefined for another's. */
  #ownIncarnation(key: ProducerKey): string | undefined {
    const prefix = this.producer.length;
    if (key[prefix] !== "/" || !key.startsWith(this.producer)) return undefined;
    return key.slice(prefix + 1);
  }

  #setTotals(tables: WindowTables, window: FeedWindow, certainMs: EpochMs): void {
    if (!writeTotals(tables, window, { certainMs, region: this.region })) return;
    let changed = this.#changed.get(window.id);
    if (changed === undefined) {
      changed = new CounterTable();
      this.#changed.set(window.id, changed);
    }
    for (let i = 0; i < window.lo.length; i++) {
      changed.setTotal(window.lo[i] as number, window.hi[i] as number, window.net[i] as number);
    }
  }
}

/**
 * Sets totals of one window, absolutely; true if they were taken. Not taken: windows of other
 * regions, which no limit here reads, and windows that ended a while ago.
 */
export function writeTotals(
  tables: WindowTables,
  window: FeedWindow,
  at: { certainMs: EpochMs; region: string },
): boolean {
  const live =
    tables.get(window.id) ?? (isWanted(window.id, at) ? tables.getOrCreate(window.id) : undefined);
  if (live === undefined) return false;
  const { lo, hi, net } = window;
  for (let i = 0; i < lo.length; i++) {
    live.table.setTotal(lo[i] as number, hi[i] as number, net[i] as number);
  }
  return true;
}

function isWanted(id: WindowId, at: { certainMs: EpochMs; region: string }): boolean {
  const window = parseWindowId(id);
  if (window === undefined || window.endMs <= at.certainMs - endedWindowGraceMs) return false;
  return window.region === "" || window.region === at.region;
}

/** Adds (`sign` 1) or takes away (−1) the net of a batch in the tables that still live. */
export function addOwn(tables: WindowTables, batch: OwnBatch, sign: 1 | -1): void {
  const { counters, windows } = batch;
  const live = windows.map((id) => (sign === 1 ? tables.getOrCreate(id) : tables.get(id)));
  for (let i = 0; i < counters.count; i++) {
    const net = (counters.charged[i] as number) - (counters.refunded[i] as number);
    if (net === 0) continue;
    const table = live[counters.window[i] as number]?.table;
    table?.addOwn(counters.lo[i] as number, counters.hi[i] as number, sign * net);
  }
}

function columnsOf(window: string, table: CounterTable): WindowColumns {
  const lo = new Uint32Array(table.count);
  const hi = new Uint32Array(table.count);
  const total = new Float64Array(table.count);
  let at = 0;
  table.forEach((l, h, t) => {
    lo[at] = l;
    hi[at] = h;
    total[at] = t;
    at++;
  });
  return { window, lo, hi, total };
}
