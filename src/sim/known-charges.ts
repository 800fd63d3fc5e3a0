/**
 * What a gateway that says "I hold the totals of this version" must know: the sums of the stream up to there. Theorem 1 says that
 * it then admits no more than the quota, of what it knows; all that is over was charged elsewhere and is not in that version.
 */

import { type ProducerKey, producerKey, type Version, versionZero } from "../base/words.ts";
import type { Batch } from "../metering/batch-codec.ts";
import { BatchOrder } from "./batch-order.ts";
import type { CallRecord } from "./calls.ts";
import type { CounterNames } from "./counter-names.ts";
import type { SimGateway } from "./gateway.ts";
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

export class KnownCharges {
  readonly #hub: SimHub;
  #model: StreamModel | undefined;
  /** By `window lo hi`, in the order of the stream. */
  #charges = new Map<string, Charge[]>();
  #order = new BatchOrder();
  #upTo = 0;

  /** Of these the stream is, as far as any version of them says. */
  readonly #epochs = new Set<number>();
  /** Of these it has lost its end. */
  readonly #cut = new Set<number>();

  readonly #names: CounterNames;

  readonly #isShort: () => boolean;

  /** `isShort`: the stream has been put away, and what is in its place ends before what the hub holds. */
  constructor(hub: SimHub, names: CounterNames, isShort: () => boolean) {
    this.#hub = hub;
    this.#isShort = isShort;
    this.#names = names;
  }

  /** The stream has lost what the hub of this epoch published last. */
  streamLost(epoch: number): void {
    this.#cut.add(epoch);
  }

  /**
   * Units of a call's counter that others have charged, net of what was given back, in the version of the totals that its gateway says
   * it holds. Undefined: the version is of a stream that is no more.
   */
  others(call: CallRecord, gateway: SimGateway): number | undefined {
    return this.#sum(call, gateway, ({ by, units }, own) => (by === own ? 0 : units));
  }

  /** As `others`, of what the gateway's present start has charged itself, given back or not. */
  own(call: CallRecord, gateway: SimGateway): number | undefined {
    return this.#sum(call, gateway, ({ by, charged }, own) => (by === own ? charged : 0));
  }

  #sum(
    call: CallRecord,
    { core, producer, incarnation }: SimGateway,
    unitsOf: (charge: Charge, own: ProducerKey) => number,
  ): number | undefined {
    const version = core?.view.version ?? versionZero;
    if (!this.#knows(version)) return undefined;
    const own = producerKey(producer, incarnation);
    const counter = this.#names.of(call, core?.credentials?.hashKey);
    let sum = 0;
    for (const charge of this.#charges.get(counter) ?? []) {
      if (charge.position > version.position) break;
      sum += unitsOf(charge, own);
    }
    return sum;
  }

  /** Reads on; false: the version is of another stream. */
  #knows({ epoch }: Version): boolean {
    const { isRestoring, epoch: present } = this.#hub;
    if (isRestoring || this.#isShort()) return false;
    this.#read();
    if (present > 0 && !this.#cut.has(present)) this.#epochs.add(present);
    return this.#epochs.has(epoch);
  }

  /** What the stream got since. */
  #read(): void {
    const { model, streamImage } = this.#hub;
    const isOther = this.#model !== model;
    if (isOther) {
      this.#model = model;
      this.#epochs.clear();
      this.#charges = new Map();
      this.#order = new BatchOrder();
      this.#upTo = 0;
    }
    const records = isOther ? streamImage.all : streamImage.records;
    let from = records.length;
    while (from > 0 && (records[from - 1]?.position ?? 0) > this.#upTo) from--;
    for (const record of records.slice(from)) {
      for (const batch of this.#order.take(model.entry(record))) {
        this.#charge(record.position, producerKey(batch.producer, batch.incarnation), batch);
      }
    }
    this.#upTo = records.at(-1)?.position ?? this.#upTo;
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
