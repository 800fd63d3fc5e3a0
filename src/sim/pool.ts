/**
 * Runs seeds on several worker threads. What a seed does depends on nothing but the seed, so results are the same for any
 * number of workers; they are given in the order of the seeds.
 */

import { Worker } from "node:worker_threads";
import type { RunResult } from "./run.ts";

/** One run that is asked for: a seed, and the name of the bug that is planted in it. */
export interface Job {
  readonly seed: number;
  readonly plant: string | undefined;
}

/** What a worker sends back: the run's result, or what went wrong in the simulator itself. */
export type Answer = { readonly index: number } & (
  | { readonly result: RunResult }
  | { readonly failure: string }
);

/** Jobs that a worker has at a time: one that it runs and one that waits, so that it never idles. */
const jobsAtOnce = 2;

/** New objects die young here, and nearly all with the event that made them: fewer collections find more of them dead. */
const youngGenerationMb = 384;

/** `onResult` is called in the order of the jobs; once it says `stop`, or throws, no more of them are started. */
export async function runJobs(
  jobs: readonly Job[],
  workers: number,
  onResult: (result: RunResult) => "stop" | undefined,
): Promise<void> {
  const running: Worker[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      if (jobs.length === 0) return resolve();
      const queue = new Queue(jobs, onResult);
      for (let i = 0; i < Math.min(workers, jobs.length); i++) {
        const worker = new Worker(new URL(import.meta.resolve("./worker.ts")), {
          resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
        });
        running.push(worker);
        worker.on("message", (answer: Answer) => {
          try {
            if (queue.take(answer) === "over") resolve();
            else queue.give(worker);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
        worker.on("error", reject);
        for (let job = 0; job < jobsAtOnce; job++) queue.give(worker);
      }
    });
  } finally {
    await Promise.all(running.map((worker) => worker.terminate()));
  }
}

/** Gives jobs out in their order, and tells of results in their order. */
class Queue {
  readonly #jobs: readonly Job[];
  readonly #onResult: (result: RunResult) => "stop" | undefined;
  readonly #results = new Map<number, RunResult>();
  #next = 0;
  #told = 0;

  constructor(jobs: readonly Job[], onResult: (result: RunResult) => "stop" | undefined) {
    this.#jobs = jobs;
    this.#onResult = onResult;
  }

  give(worker: Worker): void {
    const job = this.#jobs[this.#next];
    if (job !== undefined) worker.postMessage({ ...job, index: this.#next++ });
  }

  take(answer: Answer): "over" | "more" {
    if ("failure" in answer) throw new Error(answer.failure);
    this.#results.set(answer.index, answer.result);
    for (;;) {
      const result = this.#results.get(this.#told);
      if (result === undefined) break;
      this.#results.delete(this.#told++);
      if (this.#onResult(result) === "stop") return "over";
    }
    return this.#told === this.#jobs.length ? "over" : "more";
  }
}
