/** `npm run sim`: runs seeds, counts what happened in them, and ends with the hash of all they did. */

import { parseArgs } from "node:util";
import { allPlants } from "./plants/plants.ts";
import { type RunResult, runSeed } from "./run.ts";

const usage = "usage: npm run sim -- --seed N [--seeds N] [--trace] [--plant BUG] | --plants";

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      trace: { type: "boolean", default: false },
      plant: { type: "string" },
      plants: { type: "boolean", default: false },
    },
  });
  if (values.plants) {
    for (const { name } of allPlants) console.log(name);
    return 0;
  }
  const first = Number(values.seed);
  const seeds = Number(values.seeds);
  const plant = allPlants.find(({ name }) => name === values.plant);
  const isKnown = values.plant === undefined || plant !== undefined;
  if (!Number.isSafeInteger(first) || !(seeds >= 1) || !isKnown) {
    console.error(usage);
    return 2;
  }
  const onTrace = values.trace ? (line: string): void => console.log(line) : undefined;
  const total = new Totals();
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await runSeed({ seed, plant, onTrace });
    total.add(result);
    const { violation } = result;
    if (violation === undefined) continue;
    total.print();
    const at = (violation.atMs / 1000).toFixed(3);
    console.log(
      `seed ${seed}: ${violation.invariant} does not hold at ${at} s: ${violation.detail}`,
    );
    const planted = plant === undefined ? "" : ` --plant ${plant.name}`;
    console.log(`again: npm run sim -- --seed ${seed}${planted} --trace`);
    console.log(total.hash);
    return 1;
  }
  total.print();
  console.log(total.hash);
  return 0;
}

class Totals {
  readonly #counts = new Map<string, number>();
  #seeds = 0;
  #hash = 0n;

  add(result: RunResult): void {
    this.#seeds++;
    const { events, admissions, denials, closedWindows } = result;
    const all = [
      ...result.counts,
      ...Object.entries({ events, admissions, denials, closedWindows }),
    ];
    for (const [name, times] of all) this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
    this.#hash = BigInt.asUintN(64, this.#hash * 31n + BigInt(`0x${result.traceHash}`));
  }

  /** Of one seed: its trace's; of several: one of them all. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }

  print(): void {
    console.log(`${this.#seeds} seeds`);
    for (const [name, times] of [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
      console.log(`${name}: ${times}`);
  }
}

process.exitCode = await main();
