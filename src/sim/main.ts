/** `npm run sim`: runs seeds, counts what happened in them, and ends with the hash of all they did. */

import { parseArgs } from "node:util";
import type { Plant } from "./plants/plant.ts";
import { allPlants } from "./plants/plants.ts";
import { type Job, runJobs } from "./pool.ts";
import { type RunResult, runSeed } from "./run.ts";
import { Totals } from "./totals.ts";

const usage =
  "usage: npm run sim -- --seed N [--seeds N] [--workers K] [--trace] [--plant BUG] | --plants";

interface Options {
  readonly first: number;
  readonly seeds: number;
  readonly workers: number;
  readonly trace: boolean;
  readonly plant: Plant | undefined;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      workers: { type: "string", default: "1" },
      trace: { type: "boolean", default: false },
      plant: { type: "string" },
      plants: { type: "boolean", default: false },
    },
  });
  if (values.plants) {
    for (const { name } of allPlants) console.log(name);
    return 0;
  }
  const [first, seeds, workers] = [values.seed, values.seeds, values.workers].map(Number) as [
    number,
    number,
    number,
  ];
  const plant = allPlants.find(({ name }) => name === values.plant);
  const isKnown = values.plant === undefined || plant !== undefined;
  if (!Number.isSafeInteger(first) || !(seeds >= 1) || !(workers >= 1) || !isKnown) {
    console.error(usage);
    return 2;
  }
  return run({ first, seeds, workers, trace: values.trace, plant });
}

async function run(options: Options): Promise<number> {
  const total = new Totals();
  let bad: RunResult | undefined;
  const startMs = performance.now();
  await results(options, (result) => {
    total.add(result);
    if (result.violation === undefined) return undefined;
    bad = result;
    return "stop";
  });
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`${total.seeds} seeds, ${(total.seeds / seconds).toFixed(1)} a second`);
  for (const line of total.lines()) console.log(line);
  if (bad?.violation !== undefined) {
    const { invariant, atMs, detail } = bad.violation;
    const at = (atMs / 1000).toFixed(3);
    console.log(`seed ${bad.seed}: ${invariant} does not hold at ${at} s: ${detail}`);
    const planted = options.plant === undefined ? "" : ` --plant ${options.plant.name}`;
    console.log(`again: npm run sim -- --seed ${bad.seed}${planted} --trace`);
  }
  console.log(total.hash);
  return bad === undefined ? 0 : 1;
}

/** In the order of the seeds, until `onResult` says `stop`. */
async function results(
  { first, seeds, workers, trace, plant }: Options,
  onResult: (result: RunResult) => "stop" | undefined,
): Promise<void> {
  if (workers > 1 && !trace) {
    const jobs = Array.from({ length: seeds }, (_, i): Job => {
      return { seed: first + i, plant: plant?.name };
    });
    return runJobs(jobs, workers, onResult);
  }
  const onTrace = trace ? (line: string): void => console.log(line) : undefined;
  for (let seed = first; seed < first + seeds; seed++) {
    if (onResult(await runSeed({ seed, plant, onTrace })) === "stop") return;
  }
}

process.exitCode = await main();
