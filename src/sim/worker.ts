/** A worker thread of the pool: runs the seeds that it is sent, one after another. */

import { parentPort } from "node:worker_threads";
import { allPlants } from "./plants/plants.ts";
import type { Answer, Job } from "./pool.ts";
import { runSeed } from "./run.ts";

let running: Promise<void> = Promise.resolve();

async function run({ seed, plant, index }: Job & { readonly index: number }): Promise<void> {
  let answer: Answer;
  try {
    const planted = allPlants.find(({ name }) => name === plant);
    answer = { index, result: await runSeed({ seed, plant: planted }) };
  } catch (error) {
    const text = error instanceof Error ? error.stack : String(error);
    answer = { index, failure: `seed ${seed}: ${text}` };
  }
  parentPort?.postMessage(answer);
}

parentPort?.on("message", (job: Job & { readonly index: number }) => {
  running = running.then(() => run(job));
});
