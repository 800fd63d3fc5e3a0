/**
 * When a sealed batch may be forgotten: the hub's watermark covers it, the saved view and the present one cover it, and the newest
 * announced backup covers it. Where no backup was ever announced, `retentionMs` counts from coverage instead.
 * Reaching the journal's size limit is never a reason. When what was
 * covered is saved, so that a gateway which is restarted every few hours forgets too.
 */

import type { EpochMs, Incarnation, ProducerKey, Seq } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import type { CoverageMark, GatewayStore } from "../ports/gateway-store.ts";
import type { Journal } from "../ports/journal.ts";

export type Coverage = ReadonlyMap<ProducerKey, Seq>;

/** Marks kept of what was covered when: one every 1/128 of the retention. */
const marksMax = 128;

export class Trimmer {
  readonly #journal: Journal;
  readonly #store: Pick<GatewayStore, "loadCoverage" | "saveCoverage">;
  readonly #retentionMs: number;
  /** Oldest first. */
  #marks: CoverageMark[] = [];
  #backup: ReadonlyMap<Incarnation, Seq> | undefined;
  /** The hub has said, since this start, whether there is a backup. Before, nothing is known, and nothing goes. */
  #isTold = false;

  constructor(
    journal: Journal,
    store: Pick<GatewayStore, "loadCoverage" | "saveCoverage">,
    retentionMs: number,
  ) {
    this.#journal = journal;
    this.#store = store;
    this.#retentionMs = retentionMs;
  }

  /** Takes up what earlier starts noted. Without it the retention counts anew, which keeps more, never less. */
  async load(): Promise<void> {
    this.#marks = [...(await this.#store.loadCoverage())];
  }

  /** What the newest backup covers of this producer; undefined: there never was one. */
  announced(backup: readonly (readonly [Incarnation, Seq])[] | undefined): void {
    this.#isTold = true;
    if (backup !== undefined) this.#backup = new Map(backup);
  }

  /**
   * Notes what the *saved* view covers, and forgets what may be forgotten. Only with a hub that has just answered, and `view`, which
   * follows it: one that cannot be heard may be restored, and lack what an earlier view covers.
   */
  async trim(
    { saved, view }: { readonly saved: Coverage; readonly view: Coverage },
    nowMs: EpochMs,
  ): Promise<void> {
    // Before it has heard the hub, a gateway's time may be any: a mark of long ago would let go of what was covered just now.
    if (!this.#isTold) return;
    if (this.#mark(saved, nowMs)) await this.#store.saveCoverage(this.#marks);
    const old = this.#oldMark(nowMs);
    for (const { incarnation, first, last } of [...this.#journal.ranges()]) {
      const key = producerKey(this.#journal.identity.producer, incarnation);
      const covered = Math.min(saved.get(key) ?? 0, view.get(key) ?? 0);
      const kept =
        this.#backup?.get(incarnation) ?? (this.#backup ? 0 : (old?.get(incarnation) ?? 0));
      const upTo = Math.min(last, covered, kept);
      if (upTo >= first) await this.#journal.trim(incarnation, upTo);
    }
  }

  /** True if there is a new mark. */
  #mark(saved: Coverage, atMs: EpochMs): boolean {
    // A clock that was ahead and was put right must not stop the marks until it is there again.
    while ((this.#marks.at(-1)?.atMs ?? 0) > atMs) this.#marks.pop();
    const newest = this.#marks.at(-1);
    if (newest !== undefined && atMs - newest.atMs < this.#retentionMs / marksMax) return false;
    const { producer } = this.#journal.identity;
    const covered: [Incarnation, Seq][] = [];
    for (const { incarnation } of this.#journal.ranges()) {
      const seq = saved.get(producerKey(producer, incarnation));
      if (seq !== undefined) covered.push([incarnation, seq]);
    }
    this.#marks.push({ atMs, covered });
    return true;
  }

  /** The newest mark older than the retention; marks before it are of no use any more. */
  #oldMark(nowMs: EpochMs): ReadonlyMap<Incarnation, Seq> | undefined {
    const limitMs = nowMs - this.#retentionMs;
    while (this.#marks[1] !== undefined && this.#marks[1].atMs <= limitMs) this.#marks.shift();
    const oldest = this.#marks[0];
    return oldest !== undefined && oldest.atMs <= limitMs ? new Map(oldest.covered) : undefined;
  }
}
