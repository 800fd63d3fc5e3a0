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
const youngGenerationMb = 48;

/** `onResult` is called in the order of the jobs; once it says `stop` no more of them are started. */
export function runJobs(
  jobs: readonly Job[],
  workers: number,
  onResult: (result: RunResult) => "stop" | undefined,
): Promise<void> {
  const results = new Map<number, RunResult>();
  let next = 0;
  let told = 0;
  const running: Worker[] = [];
  const work = new Promise<void>((resolve, reject) => {
    const give = (worker: Worker): void => {
      const job = jobs[next];
      if (job !== undefined) worker.postMessage({ ...job, index: next++ });
    };
    const take = (worker: Worker, answer: Answer): void => {
      if ("failure" in answer) return reject(new Error(answer.failure));
      results.set(answer.index, answer.result);
      for (;;) {
        const result = results.get(told);
        if (result === undefined) break;
        results.delete(told++);
        try {
          if (onResult(result) === "stop") return resolve();
        } catch (error) {
          return reject(error);
        }
      }
      if (told === jobs.length) return resolve();
      give(worker);
    };
    for (let i = 0; i < Math.min(workers, jobs.length); i++) {
      const worker = new Worker(new URL("worker.ts", import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
      });
      running.push(worker);
      worker.on("message", (answer: Answer) => take(worker, answer));
      worker.on("error", reject);
      for (let job = 0; job < jobsAtOnce; job++) give(worker);
    }
    if (jobs.length === 0) resolve();
  });
  return work.finally(async () => {
    await Promise.all(running.map((worker) => worker.terminate()));
  });
}
