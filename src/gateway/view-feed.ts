/**
 * Keeps the view up to date from the hub's messages: updates in order, snapshots built aside and installed whole, audits
 * answered at exactly the version they name.
 *
 * One step waits for another only where the journal must give own charges back; meanwhile what arrives is queued, up to a
 * bound, beyond which the view is asked for as a snapshot.
 */

import { compareVersions, type Incarnation, producerKey, type Version } from "../base/words.ts";
import { digestText } from "../limits/totals-digest.ts";
import type { LiveWindow } from "../limits/window-tables.ts";
import { decodePart, encodePart, type FeedUpdate } from "../metering/feed-codec.ts";
import type { Journal } from "../ports/journal.ts";
import type { GatewayEnd, WindowDigest } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { LagMeter } from "./lag-meter.ts";
import type { Meter } from "./meter.ts";
import type { NodeTime } from "./node-time.ts";
import { type MissingRange, OwnCharges } from "./own-charges.ts";
import type { RegionView } from "./region-view.ts";
import { loadOwn, ownBatchOf, SnapshotBuilder } from "./snapshot-builder.ts";

/** Updates and audits that wait behind one that needs the journal, at most. */
export const feedQueueMax = 4_096;
/** Counters in one message of an audit's entries. */
const auditPartCounters = 50_000;
const readBytes = 1024 * 1024;

export interface AuditRequest {
  readonly kind: "audit";
  readonly id: number;
  readonly view: Version;
  readonly entriesOf: readonly string[];
}

type Queued = { readonly kind: "update"; readonly update: FeedUpdate } | AuditRequest;

export interface ViewFeedParts {
  readonly view: RegionView;
  readonly journal: Journal;
  readonly meter: Meter;
  readonly time: NodeTime;
  readonly log: Log;
  readonly lag: LagMeter;
  /** Called with each lag from admission elsewhere to this view, ms. */
  readonly onLag: (lagMs: number) => void;
  /** The view's watermark of an own incarnation moved. */
  readonly onCovered: (incarnation: Incarnation, seq: number) => void;
  /** The link, if there is one. */
  readonly end: () => GatewayEnd | undefined;
}

export class ViewFeed {
  readonly #parts: ViewFeedParts;
  #queue: Queued[] = [];
  #builder: SnapshotBuilder | undefined;
  #snapshotAsked = false;
  /** An asynchronous step is under way: queue, do not apply. */
  #busy = false;
  /** Rises when the link is lost: steps of an older link stop. */
  #generation = 0;

  constructor(parts: ViewFeedParts) {
    this.#parts = parts;
  }

  /** True if the view follows the hub: nothing queued, no snapshot under way. */
  get isCurrent(): boolean {
    const isIdle = !this.#busy && this.#queue.length === 0;
    return isIdle && this.#builder === undefined && !this.#snapshotAsked;
  }

  /** The link is gone, and with it what was queued from it. */
  disconnected(): void {
    this.#generation++;
    this.#queue = [];
    this.#builder = undefined;
    this.#snapshotAsked = false;
  }

  update(update: FeedUpdate): void {
    this.#builder?.update(update, this.#parts.time.certainMs());
    this.#push({ kind: "update", update });
  }

  audit(request: AuditRequest): void {
    this.#push(request);
  }

  snapshotBegin(epoch: number): void {
    this.#builder = new SnapshotBuilder(this.#parts.view.region, epoch);
  }

  snapshotPart(payload: Uint8Array): void {
    const part = decodePart(payload);
    if ("malformed" in part) return this.#parts.end()?.close("malformed snapshot");
    this.#builder?.part(part, this.#parts.time.certainMs());
  }

  snapshotEnd(version: Version, payload: Uint8Array): void {
    const builder = this.#builder;
    if (builder === undefined || builder.epoch !== version.epoch) return;
    this.snapshotPart(payload);
    this.#builder = undefined;
    void this.#install(builder, version);
  }

  /** Asks for a snapshot, once until it comes or the link is lost. */
  askForSnapshot(): void {
    if (this.#snapshotAsked || this.#builder !== undefined) return;
    const end = this.#parts.end();
    if (end === undefined) return;
    this.#snapshotAsked = true;
    end.send({ kind: "snapshot-request" });
  }

  #push(item: Queued): void {
    if (this.#queue.length >= feedQueueMax) {
      this.#queue = [];
      return this.askForSnapshot();
    }
    this.#queue.push(item);
    if (!this.#busy) this.#drain();
  }

  #drain(): void {
    let done = 0;
    for (const item of this.#queue) {
      if (item.kind === "audit") this.#answer(item);
      else {
        const missing = this.#apply(item.update);
        if (missing !== undefined) {
          this.#queue.splice(0, done);
          void this.#supply(missing);
          return;
        }
      }
      done++;
    }
    this.#queue = [];
  }

  #apply(update: FeedUpdate): MissingRange | undefined {
    const { view, time, lag } = this.#parts;
    const nowMs = time.nowMs();
    const result = view.apply(update, time.certainMs());
    if (result.kind === "missing") return result.range;
    if (result.kind === "gap") this.askForSnapshot();
    if (result.kind !== "applied") return undefined;
    for (const { producer, firstChargeAtMs } of update.marks) {
      if (producer === view.producer || firstChargeAtMs === 0) continue;
      const lagMs = Math.max(0, nowMs - firstChargeAtMs);
      lag.observe(lagMs, nowMs);
      this.#parts.onLag(lagMs);
    }
    this.#reportCovered();
    return undefined;
  }

  #reportCovered(): void {
    const { view, journal } = this.#parts;
    for (const { incarnation } of journal.ranges()) {
      const seq = view.watermarks.get(producerKey(view.producer, incarnation));
      if (seq !== undefined) this.#parts.onCovered(incarnation, seq);
    }
  }

  /** Gets own charges back from the journal, then goes on with the queue. */
  async #supply(range: MissingRange): Promise<void> {
    this.#busy = true;
    const { journal, view, log } = this.#parts;
    try {
      const { batches } = await journal.read(range.incarnation, {
        from: range.from,
        bytesMax: readBytes,
      });
      const bySeq = new Map(batches.map((batch) => [batch.seq, batch.bytes]));
      const upTo = Math.min(range.to, Math.max(range.from, ...bySeq.keys()));
      for (let seq = range.from; seq <= upTo; seq++) {
        view.own.supply(range.incarnation, ownBatchOf(seq, bySeq.get(seq)));
      }
    } catch (cause) {
      log.error("own charges could not be read back; asking for a snapshot", {}, cause);
      this.#queue = [];
      this.askForSnapshot();
    } finally {
      this.#busy = false;
    }
    this.#drain();
  }

  async #install(builder: SnapshotBuilder, version: Version): Promise<void> {
    const { journal, meter, view, log } = this.#parts;
    const generation = this.#generation;
    this.#busy = true;
    try {
      const { tables, watermarks } = builder;
      const own = new OwnCharges();
      const watermark = (incarnation: Incarnation): number =>
        watermarks.get(producerKey(view.producer, incarnation)) ?? 0;
      // Seals go on meanwhile: read until nothing new is on disk.
      do {
        await loadOwn(journal, { tables, own, watermark }, (incarnation, seq) => {
          log.error("a stored batch is damaged", { incarnation, seq });
        });
      } while (isBehind(journal, own));
      if (generation !== this.#generation) return;
      meter.carryOver(tables, own);
      const asOfMs = builder.asOfMs;
      view.install({ tables, own, version, watermarks, asOfMs });
      this.#snapshotAsked = false;
      this.#reportCovered();
      log.info("a snapshot of the totals is installed", { position: version.position });
    } catch (cause) {
      log.error("a snapshot could not be installed; asking again", {}, cause);
      this.#snapshotAsked = false;
      this.askForSnapshot();
    } finally {
      this.#busy = false;
    }
    this.#drain();
  }

  #answer(request: AuditRequest): void {
    const { view } = this.#parts;
    const end = this.#parts.end();
    if (end === undefined) return;
    const isThere = compareVersions(view.version, request.view) === 0;
    const windows: WindowDigest[] = [];
    if (isThere) {
      view.tables.forEach((live) => windows.push({ id: live.id, digest: digestText(live.table) }));
    }
    const reply = { kind: "audit-reply", id: request.id, view: view.version } as const;
    for (const id of isThere ? request.entriesOf : []) {
      const live = view.tables.get(id);
      if (live === undefined) continue;
      for (const payload of entryParts(live)) {
        end.send({ ...reply, windows: [], more: true }, payload);
      }
    }
    end.send({ ...reply, windows, more: false });
  }
}

/** True while the journal lists batches that are not among the own charges. */
function isBehind(journal: Journal, own: OwnCharges): boolean {
  return journal.ranges().some(({ incarnation, last }) => own.last(incarnation) < last);
}

function* entryParts(live: LiveWindow): Generator<Uint8Array> {
  const lo: number[] = [];
  const hi: number[] = [];
  const net: number[] = [];
  live.table.forEach((l, h, total) => {
    if (total === 0) return;
    lo.push(l);
    hi.push(h);
    net.push(total);
  });
  for (let from = 0; from < lo.length; from += auditPartCounters) {
    const to = from + auditPartCounters;
    const window = {
      id: live.id,
      lo: Uint32Array.from(lo.slice(from, to)),
      hi: Uint32Array.from(hi.slice(from, to)),
      net: Float64Array.from(net.slice(from, to)),
    };
    yield encodePart({ watermarks: [], windows: [window] });
  }
}
