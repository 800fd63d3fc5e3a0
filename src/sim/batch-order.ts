/**
 * Which batches of a stream count, told another way than the hub does it: of each incarnation the first of every number, in order,
 * none behind one that is missing, unless that one was declared lost; a lost one that turns up counts, too.
 */

import { type ProducerKey, producerKey, type Seq } from "../base/words.ts";
import type { Batch } from "../metering/batch-codec.ts";
import type { StreamEntry } from "../metering/stream-record.ts";

interface Line {
  next: Seq;
  /** Those behind one that is missing. */
  readonly early: Map<Seq, Batch>;
  readonly lost: Set<Seq>;
}

export class BatchOrder {
  readonly #lines = new Map<ProducerKey, Line>();

  /** The stream's next entry; returns the batches that count now and did not before. */
  take(entry: StreamEntry): readonly Batch[] {
    if (entry.kind === "batch") return this.#batch(entry.batch);
    if (entry.kind !== "lost") return [];
    const line = this.#line(producerKey(entry.producer, entry.incarnation));
    if (entry.from > line.next) return [];
    for (let seq = line.next; seq <= entry.to; seq++) {
      if (!line.early.has(seq)) line.lost.add(seq);
    }
    return advance(line);
  }

  #batch(batch: Batch): readonly Batch[] {
    const line = this.#line(producerKey(batch.producer, batch.incarnation));
    const { seq } = batch;
    if (seq < line.next) return line.lost.delete(seq) ? [batch] : [];
    // Of two under one name, as after an older copy of a disk was put back, the first counts.
    if (!line.early.has(seq)) line.early.set(seq, batch);
    return advance(line);
  }

  #line(name: ProducerKey): Line {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = { next: 1, early: new Map(), lost: new Set() };
      this.#lines.set(name, line);
    }
    return line;
  }
}

function advance(line: Line): readonly Batch[] {
  const inOrder: Batch[] = [];
  for (; ; line.next++) {
    const batch = line.early.get(line.next);
    if (batch === undefined && !line.lost.has(line.next)) return inOrder;
    line.early.delete(line.next);
    if (batch !== undefined) inOrder.push(batch);
  }
}
