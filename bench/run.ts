/**
 * `npm run bench [-- memory|proxy] [quick] [--starts N] [--claim]`: this gateway beside its peers on one
 * core, in alternating order, as ratios. Without a name both comparisons run. `--claim` prints a
 * claim's measurement as the last line.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureDebian } from "../scripts/debian.ts";
import { type Comparison, comparisons } from "./comparisons.ts";
import { type Contender, type ReplyShape, replyBody, type Setting } from "./peers/contender.ts";
import { startUpstream } from "./peers/nginx.ts";
import { type BarResult, formatBars, formatResults, judge } from "./report.ts";
import {
  fetchShape,
  type RoundPlan,
  runTurns,
  type Timing,
  type Turns,
  withContender,
} from "./round.ts";
import { otherCore } from "./wrk.ts";

const fullPlan: BenchPlan = {
  starts: 3,
  rounds: 5,
  connections: [64, 8],
  warmUpRequests: 150_000,
  warmUpSecondsMax: 14,
  seconds: 2,
};
const quickPlan: BenchPlan = {
  ...fullPlan,
  starts: 1,
  warmUpRequests: 100_000,
  warmUpSecondsMax: 8,
  seconds: 1,
};
/** Without a gateway to imitate, bare node:http sends what a gateway would at least. */
const plainShape: ReplyShape = {
  status: 200,
  fields: [
    ["content-type", "application/json"],
    ["content-length", String(Buffer.byteLength(replyBody))],
  ],
  body: replyBody,
};

async function available(contenders: readonly Contender[]): Promise<Contender[]> {
  const present: Contender[] = [];
  for (const contender of contenders) {
    const why = await contender.unavailable();
    if (why === undefined) present.push(contender);
    else console.log(`missing: ${contender.name} (${why})`);
  }
  return present;
}

/** The reply that all are to send: the gateway's own, if it starts. */
async function shapeOf(reference: Contender, setting: Setting): Promise<ReplyShape> {
  try {
    return await withContender(reference, setting, fetchShape);
  } catch (error) {
    console.log(
      `missing: ${reference.name} (${error instanceof Error ? error.message : String(error)})`,
    );
    return plainShape;
  }
}

interface BenchPlan extends RoundPlan {
  /** How often everything is started afresh: what the compiler makes of a program differs by start. */
  readonly starts: number;
}

async function runStarts(
  contenders: readonly Contender[],
  setting: Setting,
  plan: BenchPlan,
): Promise<Map<string, Turns>> {
  const results = new Map<string, Turns>();
  for (let start = 0; start < plan.starts; start++) {
    const folder = join(setting.folder, `start-${start}`);
    const rounds = await runTurns(contenders, { ...setting, folder }, plan);
    for (const [name, timings] of rounds) {
      results.set(name, [...(results.get(name) ?? []), ...timings]);
      for (const connections of plan.connections) {
        const figures = timings.map((turn) => perSecond(turn, connections));
        console.log(
          `start ${start + 1}/${plan.starts}  ${name} at ${connections}: ${figures.join(" ")}`,
        );
      }
    }
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

function perSecond(turn: readonly Timing[] | undefined, connections: number): string {
  const timing = turn?.find((one) => one.connections === connections);
  return timing === undefined ? "void" : String(Math.round(timing.requestsPerSecond));
}

async function compare(comparison: Comparison, plan: BenchPlan): Promise<BarResult[]> {
  console.log(`\n== ${comparison.title}`);
  const folder = mkdtempSync(join(tmpdir(), "tallygate-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const upstream = await startUpstream(otherCore, join(folder, "upstream"));
  try {
    const present = await available(comparison.contenders);
    const base = { folder: join(folder, "shape"), upstreamPort: upstream.port, shape: plainShape };
    mkdirSync(base.folder);
    const shape = await shapeOf(comparison.reference, base);
    const results = await runStarts(present, { ...base, shape }, plan);
    for (const connections of plan.connections) {
      console.log(`\n${comparison.title}, ${connections} connections`);
      console.log(formatResults(results, comparison.base, connections));
    }
    const bars = judge(comparison.bars, results);
    console.log(`\n${formatBars(bars)}`);
    const notes = new Set(present.flatMap(({ note }) => note ?? []));
    for (const note of notes) console.log(note);
    return bars;
  } finally {
    await upstream.process.stop();
    process.removeListener("exit", remove);
    remove();
  }
}

function printClaim(bars: readonly BarResult[]): void {
  const figures = bars.map(
    ({ of, by, connections, ratio }) =>
      `${of} ÷ ${by} at ${connections}: ${ratio.median.toFixed(2)}`,
  );
  const met = bars.length > 0 && bars.every((bar) => bar.met);
  console.log(JSON.stringify({ figure: figures.join("; "), met, details: bars }));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { starts: { type: "string" }, claim: { type: "boolean" } },
  });
  const isQuick = positionals.includes("quick");
  const names = positionals.filter((name) => name !== "quick");
  const unknown = names.find((name) => !Object.hasOwn(comparisons, name));
  if (unknown !== undefined) {
    console.error(
      `there is no comparison ${unknown}: ${Object.keys(comparisons).join(", ")}, quick`,
    );
    process.exitCode = 2;
    return;
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const tools = await ensureDebian(["wrk", "nginx-light", "util-linux"]);
  if (tools.state === "unavailable") throw new Error(`missing: ${tools.why}`);
  const wanted = isQuick ? quickPlan : fullPlan;
  const plan = { ...wanted, starts: Number(values.starts ?? wanted.starts) };
  console.log(
    `${cpus()[0]?.model}, Linux ${release()}, Node ${process.versions.node}; core 0: system under test, ` +
      `core ${otherCore}: wrk, upstream and hub; ${plan.starts} fresh starts of all, ${plan.rounds} turns of ${plan.seconds} s each, alternating`,
  );
  const bars: BarResult[] = [];
  for (const [name, comparison] of Object.entries(comparisons)) {
    if (names.length > 0 && !names.includes(name)) continue;
    bars.push(...(await compare(comparison, plan)));
  }
  if (values.claim) printClaim(bars);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
