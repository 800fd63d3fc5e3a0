/**
 * Notices that two processes run with one journal, as after a data folder was copied to another machine. Each start of a process is
 * an incarnation of its own and never comes back once there was a later one; two that live take turns.
 */

import type { Incarnation, ProducerId } from "../base/words.ts";

/**
 * Times that an earlier incarnation may come back: once, where its last message was on its way while the next one started; and
 * the next one then, too.
 */
const returnsMax = 2;

/** Producers and, for each, incarnations that are remembered, at most; those heard of first are forgotten. */
const producersMax = 1_024;
const incarnationsMax = 16;

/** Once no other was heard of for so long, the one that is left is alone again: another that lives would have tried within seconds. */
export const aloneAfterMs = 10_000;

interface Heard {
  /** Times that it has come back. */
  readonly returns: number;
  readonly atMs: number;
}

export class CloneWatch {
  /** What was heard of each incarnation, the latest one last. */
  readonly #producers = new Map<ProducerId, Map<Incarnation, Heard>>();

  /**
   * An incarnation has said hello, by monotonic time. True if another one of this producer must be alive: both are to be refused,
   * until one of them is heard of no more.
   */
  heard(producer: ProducerId, incarnation: Incarnation, nowMs: number): boolean {
    const known = this.#producers.get(producer) ?? new Map<Incarnation, Heard>();
    this.#producers.delete(producer);
    this.#producers.set(producer, known);
    if (this.#producers.size > producersMax) forgetFirst(this.#producers);
    const isLatest = [...known.keys()].at(-1) === incarnation;
    let returns = (known.get(incarnation)?.returns ?? -1) + (isLatest ? 0 : 1);
    known.delete(incarnation);
    const otherAtMs = [...known.values()].at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    // Should the other come back after all, the next turn of each is one too many.
    if (isLatest && nowMs - otherAtMs >= aloneAfterMs) returns = Math.min(returns, returnsMax);
    known.set(incarnation, { returns, atMs: nowMs });
    if (known.size > incarnationsMax) forgetFirst(known);
    return returns > returnsMax;
  }
}

function forgetFirst<Key>(map: Map<Key, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}
