/** `npm run sim:campaign`: runs the next seeds of the simulator's campaign for some minutes, and writes down which. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runJobs } from "../src/sim/pool.ts";
import { Totals } from "../src/sim/totals.ts";
import { campaignPage, nextSeed, readCampaign, withBlock } from "./campaign-table.ts";
import { root } from "./checks.ts";

/** After each the page is written. */
const blockSeeds = 100;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      workers: { type: "string", default: "2" },
      file: { type: "string", default: join(root, "docs/simulator-campaign.md") },
    },
  });
  const [minutes, workers] = [Number(values.minutes), Number(values.workers)];
  if (!(minutes > 0 && minutes <= 1_440) || !(workers >= 1 && workers <= 64)) {
    console.error(
      "usage: npm run sim:campaign -- [--minutes 1..1440] [--workers 1..64] [--file F]",
    );
    return 2;
  }
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  if (git("status", "--porcelain", "--", "src", "package-lock.json") !== "") {
    console.error(
      "the campaign names the commit that it ran: commit what you changed in src first",
    );
    return 1;
  }
  const commit = git("rev-parse", "--short=10", "HEAD");
  const file = resolve(values.file);
  const untilMs = Date.now() + minutes * 60_000;
  while (Date.now() < untilMs) {
    const first = nextSeed(readCampaign(file));
    const block = await runBlock(first, workers);
    const date = new Date().toISOString().slice(0, 10);
    const rows = withBlock(readCampaign(file), { commit, first, date, ...block });
    writeFileSync(file, campaignPage(rows));
    console.log(`seeds ${first} to ${block.last}: ${block.violation || "no violation"}`);
    if (block.violation !== "") return 1;
  }
  return 0;
}

async function runBlock(
  first: number,
  workers: number,
): Promise<{ last: number; violation: string; hash: string }> {
  const total = new Totals();
  let violation = "";
  let last = first;
  const jobs = Array.from({ length: blockSeeds }, (_, i) => ({
    seed: first + i,
    plant: undefined,
  }));
  await runJobs(jobs, workers, (result) => {
    total.add(result);
    last = result.seed;
    if (result.violation === undefined) return undefined;
    const { invariant, detail } = result.violation;
    violation = `seed ${result.seed}: ${invariant}: ${detail}`;
    return "stop";
  });
  return { last, violation, hash: total.hash };
}

process.exitCode = await main();
