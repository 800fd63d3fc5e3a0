/**
 * A sample of the whole cluster in virtual time, on the real parts: gateways sum calls into open batches and seal them, the hub decodes and
 * folds them into totals, publishes updates, and a gateway decodes these and sets its table. No socket, disk or clock is in it; what costs
 * processor time is measured, what takes time on a wire or a disk is added by `lag.ts`.
 */

import { fingerprintWords, hashKeyFromHex } from "../../src/base/hash.ts";
import { type SeededRandom, seededRandom } from "../../src/base/random.ts";
import { openBatchMaxBytes } from "../../src/gateway/meter.ts";
import { HubState } from "../../src/hub/hub-state.ts";
import { CounterTable } from "../../src/limits/counter-table.ts";
import { ByteWriter } from "../../src/metering/bytes.ts";
import { writeCharge, writeDefine } from "../../src/metering/charge-record.ts";
import { decodeUpdate, encodeUpdate } from "../../src/metering/feed-codec.ts";
import { OpenBatch } from "../../src/metering/open-batch.ts";
import { callerIn, type Distribution, drawRank, regions } from "./traffic.ts";

export interface SampleOptions {
  readonly distribution: Distribution;
  readonly callers: number;
  readonly callsPerSecond: number;
  readonly processesPerRegion: number;
  readonly flushMs: number;
  readonly publishMs: number;
  readonly virtualMs: number;
  readonly seed: number;
}

/** Sums over the virtual time. */
export interface Sample {
  calls: number;
  batches: number;
  /** Counters in batches: a caller's calls of one flush are one. */
  updates: number;
  batchBytes: number;
  /** Records of open batches, which go to the journal beside the sealed ones. */
  recordBytes: number;
  feeds: number;
  feedBytes: number;
  foldMs: number;
  publishMs: number;
  applyMs: number;
  /** Of the table of one node that follows every counter, and of the hub's. */
  nodeBytes: number;
  hubBytes: number;
  /** Of the hub's thread for taking what a checkpoint saves. */
  checkpointMs: number;
}

const windowId = "month/2026-11-01T00:00:00Z";
const hour = Date.UTC(2026, 10, 21, 12);
const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");

/** Time of this thread on a processor: other load on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

const words = new Uint32Array(4);
const print = { lo: 0, hi: 0 };

/** A caller's fingerprint: of its number, which spreads as that of its key's text does, and costs less to fill tables with. */
function fingerprintOf(caller: number): { readonly lo: number; readonly hi: number } {
  words[0] = caller;
  fingerprintWords(hashKey, 1, words, print);
  return print;
}

class Producer {
  readonly region: number;
  readonly #id: string;
  #open = new OpenBatch();
  readonly #rows = new Map<number, number>();
  readonly #records = new ByteWriter(2 * openBatchMaxBytes);
  #seq = 0;

  constructor(region: number, process: number) {
    this.region = region;
    this.#id = (region * 64 + process).toString(16).padStart(32, "0");
  }

  /** True if the open batch is due for its size. */
  charge(caller: number): boolean {
    let row = this.#rows.get(caller);
    if (row === undefined) {
      const key = `k_${caller.toString(36).padStart(22, "0")}`;
      const { lo, hi } = fingerprintOf(caller);
      const counters = [{ window: windowId, subject: `key:${key}`, lo, hi }];
      const names = { route: "/{ip}", plan: "pro", owner: "", address: "", referer: "" };
      const definition = { hour, key, ...names, counters };
      writeDefine(this.#records, definition);
      row = this.#open.define(definition);
      this.#rows.set(caller, row);
    }
    writeCharge(this.#records, row, 1);
    this.#open.charge(row, 1, hour);
    return this.#records.length >= openBatchMaxBytes;
  }

  seal(sample: Sample): Uint8Array | undefined {
    if (this.#open.isEmpty) return undefined;
    const { name } = regions[this.region] as { readonly name: string };
    const incarnation = "cd".repeat(8);
    const header = { producer: this.#id, incarnation, seq: ++this.#seq, region: name };
    const { bytes } = this.#open.seal({ ...header, sealedAtMs: hour });
    sample.batches++;
    sample.updates += this.#rows.size;
    sample.batchBytes += bytes.length;
    sample.recordBytes += this.#records.length;
    this.#open = new OpenBatch();
    this.#rows.clear();
    this.#records.reset();
    return bytes;
  }
}

/** The hub with its totals and one gateway's table, both holding a counter for every caller. */
class Cluster {
  readonly #state = new HubState();
  readonly #table = new CounterTable();
  readonly #sample: Sample;
  #published = 0;

  constructor(callers: number, sample: Sample) {
    this.#sample = sample;
    const chunk = 65_536;
    for (let from = 0; from < callers; from += chunk)
      this.#fill(from, Math.min(chunk, callers - from));
  }

  #fill(from: number, count: number): void {
    const lo = new Uint32Array(count);
    const hi = new Uint32Array(count);
    const charged = new Float64Array(count).fill(1);
    const refunded = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const of = fingerprintOf(from + i);
      lo[i] = of.lo;
      hi[i] = of.hi;
      this.#table.setTotal(of.lo, of.hi, 1);
    }
    this.#state.totals.load({ window: windowId, lo, hi, charged, refunded, subject: [] });
  }

  fold(batches: readonly Uint8Array[]): void {
    const startMs = cpuMs();
    for (const bytes of batches) {
      const { outcome } = this.#state.apply({ position: this.#state.position + 1, bytes });
      if (outcome !== "folded") throw new Error(`a batch was ${outcome}`);
    }
    this.#sample.foldMs += cpuMs() - startMs;
  }

  publish(): void {
    const { position } = this.#state;
    if (position === this.#published) return;
    const startMs = cpuMs();
    const { windows, producers, marks } = this.#state.totals.takeFeedChanges();
    const watermarks = producers.map((key) => [key, this.#state.fold.watermark(key)] as const);
    const version = { epoch: 1, base: this.#published, position, hubTimeMs: hour, horizonMs: 0 };
    const bytes = encodeUpdate({ ...version, watermarks, marks, windows });
    this.#published = position;
    const madeMs = cpuMs();
    this.#sample.publishMs += madeMs - startMs;
    this.#sample.feeds++;
    this.#sample.feedBytes += bytes.length;
    const update = decodeUpdate(bytes);
    if ("malformed" in update) throw new Error(update.malformed);
    for (const { lo, hi, net } of update.windows) {
      for (let i = 0; i < lo.length; i++) {
        this.#table.setTotal(lo[i] as number, hi[i] as number, net[i] as number);
      }
    }
    this.#sample.applyMs += cpuMs() - madeMs;
  }

  end(): void {
    const startMs = cpuMs();
    this.#state.totals.takeLedgerChanges();
    this.#sample.checkpointMs += cpuMs() - startMs;
    this.#sample.nodeBytes = this.#table.bytes;
    for (const { table } of this.#state.totals.windows.values())
      this.#sample.hubBytes += table.bytes;
  }
}

export function runSample(options: SampleOptions): Sample {
  const { callers, flushMs, publishMs, virtualMs, processesPerRegion } = options;
  const sample: Sample = {
    ...{ calls: 0, batches: 0, updates: 0, batchBytes: 0, recordBytes: 0, feeds: 0, feedBytes: 0 },
    ...{ foldMs: 0, publishMs: 0, applyMs: 0, nodeBytes: 0, hubBytes: 0, checkpointMs: 0 },
  };
  const cluster = new Cluster(callers, sample);
  const random = seededRandom(options.seed);
  const producers = regions.flatMap((_, region) =>
    Array.from({ length: processesPerRegion }, (__, process) => new Producer(region, process)),
  );
  const perTick = Math.round((options.callsPerSecond * publishMs) / 1_000 / producers.length);
  for (let tick = 0; tick * publishMs < virtualMs; tick++) {
    const due: Uint8Array[] = [];
    for (const [index, producer] of producers.entries()) {
      due.push(...chargeSome(producer, { options, random, calls: perTick, sample }));
      // Processes do not flush at the same time.
      if (((tick + index) * publishMs) % flushMs < publishMs) {
        const bytes = producer.seal(sample);
        if (bytes !== undefined) due.push(bytes);
      }
    }
    cluster.fold(due);
    cluster.publish();
  }
  cluster.end();
  return sample;
}

function chargeSome(
  producer: Producer,
  of: { options: SampleOptions; random: SeededRandom; calls: number; sample: Sample },
): Uint8Array[] {
  const { random, sample, calls } = of;
  const { distribution, callers } = of.options;
  const sealed: Uint8Array[] = [];
  for (let i = 0; i < calls; i++) {
    const rank = drawRank(distribution, callers, random);
    const isDue = producer.charge(callerIn(producer.region, rank, callers, random));
    if (!isDue) continue;
    const bytes = producer.seal(sample);
    if (bytes !== undefined) sealed.push(bytes);
  }
  sample.calls += calls;
  return sealed;
}
