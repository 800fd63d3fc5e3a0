/**
 * The design at 10 regions, 50 million callers and a million calls a second: a sample in virtual time on the real fold, tables, batches
 * and feed, and what it comes to. Prints the page, and writes it with `--write`.
 *
 *   npm run sim:scale [-- --callers 50000000 --rate 1000000 --virtual-ms 1000 --distribution zipf --write]
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { section } from "./scale/report.ts";
import { runSample, type SampleOptions } from "./scale/sample.ts";
import type { Distribution } from "./scale/traffic.ts";

const { values } = parseArgs({
  options: {
    callers: { type: "string", default: "50000000" },
    rate: { type: "string", default: "1000000" },
    "virtual-ms": { type: "string", default: "1000" },
    distribution: { type: "string", multiple: true, default: ["uniform", "zipf"] },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});

const distributions: readonly Distribution[] = ["uniform", "zipf"];
const numbers = [values.callers, values.rate, values["virtual-ms"], values.seed].map(Number);
const isWrong = (value: number): boolean => !(Number.isInteger(value) && value > 0);
if (
  numbers.some(isWrong) ||
  values.distribution.some((name) => !distributions.includes(name as Distribution))
) {
  console.error("sim:scale: whole numbers above 0, and --distribution uniform or zipf");
  process.exit(2);
}
const [callers = 0, callsPerSecond = 0, virtualMs = 0, seed = 0] = numbers;

const head = `# Scale: ten regions, ${callers.toLocaleString("en-US")} callers, ${callsPerSecond.toLocaleString("en-US")} calls a second

Made by \`npm run sim:scale -- --write\` on ${cpus()[0]?.model ?? "an unknown processor"}, Node ${process.version}. One counter a caller (a month's quota of a key),
cost 1, 5 processes a region, a flush every 50 ms or 64 KB, an update every 10 ms, nine of ten calls of a caller in its home region.

Measured: processor time of the real fold, batches, updates and tables, bytes, memory, for ${virtualMs} ms of the whole load in virtual time, with a
counter for every caller in both tables. Not measured: the wire's delays (half of public AWS medians to us-east-1, with 10 % jitter), a sync of
the stream (5 ms), queueing at the hub (M/M/1 of the measured times), other hubs (the measured load ÷ their number), interest sets
(expected from the distribution). Interest sets and partitioned hubs are not built: the figures say what they would bring. Left out: sockets,
TLS, SQLite, verification of batches on arrival, and usage rows kept by SQLite. The hub's true need is higher than what is told here.
Overshoot is what the other regions admit in a p99 lag: 9,000 calls/s of a key used 1,000 times a second in each region, or all calls of the busiest caller.
`;

const sections = (values.distribution as Distribution[]).map((distribution) => {
  const options: SampleOptions = {
    ...{ distribution, callers, callsPerSecond, virtualMs, seed },
    ...{ processesPerRegion: 5, flushMs: 50, publishMs: 10 },
  };
  return section(runSample(options), options);
});
const page = [head, ...sections].join("\n");
process.stdout.write(page);
if (values.write) writeFileSync(new URL("../docs/scale.md", import.meta.url), page);
