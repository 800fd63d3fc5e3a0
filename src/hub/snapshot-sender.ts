/**
 * One snapshot to one gateway: the totals of all live windows in parts, while updates go on being sent between
 * them. A part holds values as of its making, so it may be ahead of the updates sent before it, and every later change
 * follows in a later update. After the last part all that is folded is published, and `snapshot-end` names that version.
 */

import { encodePart, type FeedWindow } from "../metering/feed-codec.ts";
import type { Timer, Timers } from "../ports/clock.ts";
import type { HubEnd } from "../ports/link.ts";
import type { HubState } from "./hub-state.ts";
import type { HubWindow } from "./hub-window.ts";
import type { Replicator } from "./replicator.ts";

/**
 * Counters of one part, about: 16 bytes each make 0.5 MB. Tables are walked a shard (15,000) at a time, so a part
 * takes some milliseconds to make.
 */
export const partCountersMin = 16_384;

/** Windows of one part, at most: those of a second are many and small. */
export const partWindowsMax = 512;

/** Bytes on their way above which the sender waits. */
export const snapshotBufferedMax = 4 * 1024 * 1024;
const waitMs = 5;

export class SnapshotSender {
  readonly #end: HubEnd;
  readonly #state: HubState;
  readonly #replicator: Replicator;
  readonly #timers: Timers;
  readonly #onDone: () => void;
  #timer: Timer | undefined;
  /** Windows still to walk; those made meanwhile come with the updates. */
  #windows: HubWindow[];
  #place = 0;

  constructor(
    end: HubEnd,
    hub: { state: HubState; replicator: Replicator; timers: Timers },
    onDone: () => void,
  ) {
    this.#end = end;
    this.#state = hub.state;
    this.#replicator = hub.replicator;
    this.#timers = hub.timers;
    this.#onDone = onDone;
    this.#windows = [...hub.state.totals.windows.values()].reverse();
    end.send({ kind: "snapshot-begin", epoch: hub.replicator.version.epoch });
    this.#later(0);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#windows = [];
  }

  #later(ms: number): void {
    this.#timer = this.#timers.after(ms, () => this.#step());
  }

  #step(): void {
    if (this.#end.bufferedBytes > snapshotBufferedMax) return this.#later(waitMs);
    const windows = this.#part();
    if (windows.length > 0) {
      this.#end.send({ kind: "snapshot-part" }, encodePart({ watermarks: [], windows }));
      return this.#later(0);
    }
    // What was folded and not published yet may be in the parts: the named version must have it all.
    this.#replicator.publish();
    const { version } = this.#replicator;
    const watermarks = this.#state.watermarks();
    this.#end.send({ kind: "snapshot-end", version }, encodePart({ watermarks, windows: [] }));
    this.#onDone();
  }

  #part(): FeedWindow[] {
    const parts: FeedWindow[] = [];
    let counters = 0;
    while (counters < partCountersMin && parts.length < partWindowsMax) {
      const window = this.#windows.at(-1);
      if (window === undefined) break;
      // Dropped meanwhile: an update has told, or will tell.
      if (this.#state.totals.windows.get(window.id) === window) {
        const columns = this.#columns(window);
        counters += columns.lo.length;
        if (columns.lo.length > 0) parts.push(columns);
      } else this.#place = 1;
      if (this.#place >= 1) {
        this.#windows.pop();
        this.#place = 0;
      }
    }
    return parts;
  }

  /** The next shard of the window's table. */
  #columns(window: HubWindow): FeedWindow {
    const lo: number[] = [];
    const hi: number[] = [];
    const net: number[] = [];
    this.#place = window.table.visitFrom(this.#place, (l, h, total) => {
      lo.push(l);
      hi.push(h);
      net.push(total);
    });
    return {
      id: window.id,
      lo: Uint32Array.from(lo),
      hi: Uint32Array.from(hi),
      net: Float64Array.from(net),
    };
  }
}
