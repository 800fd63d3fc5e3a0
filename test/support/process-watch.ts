/** What processes take over time, from the kernel's books: resident memory and open files. Linux alone. */

import { readdirSync } from "node:fs";
import { residentMegabytes } from "./alone.ts";

interface Sample {
  readonly atMs: number;
  readonly megabytes: number;
  readonly files: number;
}

export interface Trend {
  readonly name: string;
  /** Of the least memory in each stretch of time; what lies above it is for the collector to free. */
  readonly megabytesPer10Minutes: number;
  /** The least of each stretch, in order: whether it grows on or has come to rest. */
  readonly megabytes: readonly number[];
  readonly filesFirst: number;
  readonly filesLast: number;
}

const sampleMs = 5_000;
/** Stretches of which the least is taken. */
const stretches = 8;

export class ProcessWatch {
  readonly #pids: ReadonlyMap<string, number>;
  readonly #samples = new Map<string, Sample[]>();
  readonly #timer: NodeJS.Timeout;

  /** Of processes, by name, that are not restarted while they are watched. */
  constructor(pids: ReadonlyMap<string, number>) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
    this.#sample();
  }

  stop(): Trend[] {
    clearInterval(this.#timer);
    return [...this.#samples].map(([name, samples]) => ({
      name,
      megabytesPer10Minutes: slope(leastOf(samples)) * 600_000,
      megabytes: leastOf(samples).map(({ megabytes }) => Math.round(megabytes)),
      filesFirst: least(samples.slice(0, samples.length >> 1)),
      filesLast: least(samples.slice(samples.length >> 1)),
    }));
  }

  #sample(): void {
    for (const [name, pid] of this.#pids) {
      const megabytes = residentMegabytes(pid);
      if (megabytes === undefined) continue;
      const files = readdirSync(`/proc/${pid}/fd`).length;
      const samples = this.#samples.get(name) ?? [];
      samples.push({ atMs: performance.now(), megabytes, files });
      this.#samples.set(name, samples);
    }
  }
}

function least(samples: readonly Sample[]): number {
  return Math.min(...samples.map(({ files }) => files));
}

/** The sample with the least memory of each stretch. */
function leastOf(samples: readonly Sample[]): Sample[] {
  const length = Math.ceil(samples.length / stretches);
  const points: Sample[] = [];
  for (let at = 0; at < samples.length; at += length) {
    const stretch = samples.slice(at, at + length);
    points.push(stretch.reduce((low, each) => (each.megabytes < low.megabytes ? each : low)));
  }
  return points;
}

/** Megabytes per millisecond, by least squares. */
function slope(points: readonly Sample[]): number {
  const mean = (of: (point: Sample) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const atMean = mean(({ atMs }) => atMs);
  const megabytesMean = mean(({ megabytes }) => megabytes);
  const spread = mean(({ atMs }) => (atMs - atMean) ** 2);
  const together = mean(({ atMs, megabytes }) => (atMs - atMean) * (megabytes - megabytesMean));
  return spread === 0 ? 0 : together / spread;
}
