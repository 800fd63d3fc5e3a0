/**
 * When a sealed batch may be forgotten: the hub's watermark covers it, the saved view covers it, and the newest
 * announced backup covers it. Where no backup was ever announced, `retentionMs` counts from coverage instead.
 * Reaching the journal's size limit is never a reason.
 */

import type { EpochMs, Incarnation, ProducerKey, Seq } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import type { Journal } from "../ports/journal.ts";

export type Coverage = ReadonlyMap<ProducerKey, Seq>;

interface CoverageMark {
  readonly atMs: EpochMs;
  readonly covered: Coverage;
}

/** Marks kept of what was covered when: one every 1/128 of the retention. */
const marksMax = 128;

export class Trimmer {
  readonly #journal: Journal;
  readonly #retentionMs: number;
  /** Oldest first. After a start the retention counts anew, which keeps more, never less. */
  readonly #marks: CoverageMark[] = [];
  #backup: ReadonlyMap<Incarnation, Seq> | undefined;
  /** The hub has said, since this start, whether there is a backup. Before, nothing is known, and nothing goes. */
  #isTold = false;

  constructor(journal: Journal, retentionMs: number) {
    this.#journal = journal;
    this.#retentionMs = retentionMs;
  }

  /** What the newest backup covers of this producer; undefined: there never was one. */
  announced(backup: readonly (readonly [Incarnation, Seq])[] | undefined): void {
    this.#isTold = true;
    if (backup !== undefined) this.#backup = new Map(backup);
  }

  /** Notes what the *saved* view covers, and forgets what may be forgotten. */
  async trim(saved: Coverage, nowMs: EpochMs): Promise<void> {
    this.#mark(saved, nowMs);
    if (!this.#isTold) return;
    const old = this.#oldMark(nowMs);
    for (const { incarnation, first, last } of [...this.#journal.ranges()]) {
      const key = producerKey(this.#journal.identity.producer, incarnation);
      const covered = saved.get(key) ?? 0;
      const kept = this.#backup?.get(incarnation) ?? (this.#backup ? 0 : (old?.get(key) ?? 0));
      const upTo = Math.min(last, covered, kept);
      if (upTo >= first) await this.#journal.trim(incarnation, upTo);
    }
  }

  #mark(covered: Coverage, atMs: EpochMs): void {
    const newest = this.#marks.at(-1);
    if (newest !== undefined && atMs - newest.atMs < this.#retentionMs / marksMax) return;
    this.#marks.push({ atMs, covered: new Map(covered) });
  }

  /** The newest mark older than the retention; marks before it are of no use any more. */
  #oldMark(nowMs: EpochMs): Coverage | undefined {
    const limitMs = nowMs - this.#retentionMs;
    while (this.#marks[1] !== undefined && this.#marks[1].atMs <= limitMs) this.#marks.shift();
    const oldest = this.#marks[0];
    return oldest !== undefined && oldest.atMs <= limitMs ? oldest.covered : undefined;
  }
}
