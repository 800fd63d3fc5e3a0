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

export class CloneWatch {
  /** Times that each incarnation has come back, the latest incarnation last. */
  readonly #producers = new Map<ProducerId, Map<Incarnation, number>>();

  /** An incarnation has said hello. True if another one of this producer must be alive. */
  heard(producer: ProducerId, incarnation: Incarnation): boolean {
    const returns = this.#producers.get(producer) ?? new Map<Incarnation, number>();
    this.#producers.delete(producer);
    this.#producers.set(producer, returns);
    if (this.#producers.size > producersMax) forgetFirst(this.#producers);
    const isLatest = [...returns.keys()].at(-1) === incarnation;
    const times = (returns.get(incarnation) ?? -1) + (isLatest ? 0 : 1);
    returns.delete(incarnation);
    returns.set(incarnation, times);
    if (returns.size > incarnationsMax) forgetFirst(returns);
    return times > returnsMax;
  }
}

function forgetFirst<Key>(map: Map<Key, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}
