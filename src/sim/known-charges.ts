/**
 * What a gateway that says "I hold the totals of this version" must know: the sums of the stream up to there. Theorem 1 says that
 * it then admits no more than the quota, of what it knows; all that is over was charged elsewhere and is not in that version.
 */

import { type ProducerKey, producerKey, type Version } from "../base/words.ts";
import type { Batch } from "../metering/batch-codec.ts";
import type { SimHub } from "./hub.ts";
import type { StreamModel } from "./stream-model.ts";

interface Charge {
  /** From which on the stream holds it, and all batches before its own. */
  readonly position: number;
  readonly by: ProducerKey;
  /** Net of what was given back. */
  readonly units: number;
  readonly charged: number;
}

/** The batches of one producer's incarnation. */
interface Line {
  next: number;
  /** Those behind one that is missing. */
  readonly early: Map<number, Batch>;
}

export class KnownCharges {
  readonly #hub: SimHub;
  #model: StreamModel | undefined;
  /** By `window lo hi`, in the order of the stream. */
  #charges = new Map<string, Charge[]>();
  #lines = new Map<ProducerKey, Line>();
  #upTo = 0;

  constructor(hub: SimHub) {
    this.#hub = hub;
  }

  /** Units of a counter that others charged. Undefined: the version is of a stream that is no more. */
  others(counter: string, version: Version, own: ProducerKey): number | undefined {
    const { isRestoring, epoch } = this.#hub;
    if (isRestoring || version.epoch !== epoch) return undefined;
    this.#read();
    let units = 0;
    for (const charge of this.#charges.get(counter) ?? []) {
      if (charge.position > version.position) break;
      if (charge.by !== own) units += charge.units;
    }
    return units;
  }

  /** Units of a counter that a producer itself charged, given back or not. Undefined: as with `others`. */
  own(counter: string, version: Version, own: ProducerKey): number | undefined {
    const { isRestoring, epoch } = this.#hub;
    if (isRestoring || version.epoch !== epoch) return undefined;
    this.#read();
    let units = 0;
    for (const charge of this.#charges.get(counter) ?? []) {
      if (charge.position > version.position) break;
      if (charge.by === own) units += charge.charged;
    }
    return units;
  }

  /** What the stream got since. */
  #read(): void {
    const { model, streamImage } = this.#hub;
    const isOther = this.#model !== model;
    if (isOther) {
      this.#model = model;
      this.#charges = new Map();
      this.#lines = new Map();
      this.#upTo = 0;
    }
    const records = isOther ? streamImage.all : streamImage.records;
    let from = records.length;
    while (from > 0 && (records[from - 1]?.position ?? 0) > this.#upTo) from--;
    for (const { position, batch } of model.batches(records.slice(from))) {
      this.#batch(position, batch);
    }
    this.#upTo = records.at(-1)?.position ?? this.#upTo;
  }

  #batch(position: number, batch: Batch): void {
    const by = producerKey(batch.producer, batch.incarnation);
    let line = this.#lines.get(by);
    if (line === undefined) {
      line = { next: 1, early: new Map() };
      this.#lines.set(by, line);
    }
    if (batch.seq >= line.next) line.early.set(batch.seq, batch);
    for (;;) {
      const next = line.early.get(line.next);
      if (next === undefined) return;
      line.early.delete(line.next++);
      this.#charge(position, by, next);
    }
  }

  #charge(position: number, by: ProducerKey, { windows, counters }: Batch): void {
    const { count, window, lo, hi, charged, refunded } = counters;
    for (let i = 0; i < count; i++) {
      const name = `${windows[window[i] as number]} ${lo[i]} ${hi[i]}`;
      const gross = charged[i] as number;
      const charge = { position, by, units: gross - (refunded[i] as number), charged: gross };
      const charges = this.#charges.get(name);
      if (charges === undefined) this.#charges.set(name, [charge]);
      else charges.push(charge);
    }
  }
}
