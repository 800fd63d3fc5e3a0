/**
 * What processes hold over time: resident memory after everything dead was collected (`memory-probe.ts`), and open files from
 * the kernel's books. Linux alone.
 *
 * Resident memory as it stands says little: V8 lets the young generation grow to 192 MB and back, as calls come and go.
 */

import { readdirSync, readFileSync } from "node:fs";
import type { MemoryLine } from "./memory-probe.ts";

export interface Trend {
  readonly name: string;
  /** Of resident memory: the median of the slopes between any two samples (Theil and Sen), which outliers do not move. */
  readonly megabytesPer10Minutes: number;
  /** The median of each stretch of time, in order: whether it grows on or has come to rest. */
  readonly megabytes: readonly number[];
  /** Of the first and last stretch: objects of the main thread, and what they hold outside the heap. */
  readonly heap: readonly [number, number];
  readonly external: readonly [number, number];
  readonly samples: number;
  readonly filesFirst: number;
  readonly filesLast: number;
}

const sampleMs = 10_000;
const stretches = 8;
/** First collections also throw away code and what was learnt about it, which comes back within a minute. */
const samplesLeftOut = 6;
/** Fewer say nothing about a slope. */
const samplesMin = 8;

export class ProcessWatch {
  readonly #pids: ReadonlyMap<string, number>;
  readonly #file: string;
  readonly #files = new Map<string, number[]>();
  readonly #timer: NodeJS.Timeout;

  /** Of processes, by name, that were started with `probed(file)` and are not restarted while they are watched. */
  constructor(pids: ReadonlyMap<string, number>, file: string) {
    this.#pids = pids;
    this.#file = file;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
    this.#sample();
  }

  stop(): Trend[] {
    clearInterval(this.#timer);
    const lines = readFileSync(this.#file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as MemoryLine);
    return [...this.#pids].map(([name, pid]) => {
      const ofProcess = lines.filter((line) => line.pid === pid).slice(samplesLeftOut);
      return trendOf(name, ofProcess, this.#files.get(name) ?? []);
    });
  }

  #sample(): void {
    for (const [name, pid] of this.#pids) {
      process.kill(pid, "SIGUSR2");
      const files = this.#files.get(name) ?? [];
      files.push(readdirSync(`/proc/${pid}/fd`).length);
      this.#files.set(name, files);
    }
  }
}

function trendOf(name: string, lines: readonly MemoryLine[], files: readonly number[]): Trend {
  if (lines.length < samplesMin) throw new Error(`${name}: ${lines.length} samples of memory`);
  const points = lines.map(({ atMs, residentBytes }) => [atMs, residentBytes / 1e6] as const);
  const length = Math.ceil(lines.length / stretches);
  const medians = (of: (line: MemoryLine) => number): number[] =>
    Array.from({ length: Math.ceil(lines.length / length) }, (_, i) =>
      median(lines.slice(i * length, (i + 1) * length).map((line) => of(line) / 1e6)),
    );
  const ends = (of: (line: MemoryLine) => number): [number, number] => {
    const all = medians(of);
    return [all[0] as number, all.at(-1) as number];
  };
  return {
    name,
    megabytesPer10Minutes: slope(points) * 600_000,
    megabytes: medians(({ residentBytes }) => residentBytes),
    heap: ends(({ heapBytes }) => heapBytes),
    external: ends(({ externalBytes }) => externalBytes),
    samples: lines.length,
    filesFirst: Math.min(...files.slice(0, files.length >> 1)),
    filesLast: Math.min(...files.slice(files.length >> 1)),
  };
}

function slope(points: readonly (readonly [number, number])[]): number {
  const slopes: number[] = [];
  for (const [i, [fromX, fromY]] of points.entries()) {
    for (const [x, y] of points.slice(i + 1)) slopes.push((y - fromY) / (x - fromX));
  }
  return median(slopes);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] as number;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] as number) + high) / 2;
}
