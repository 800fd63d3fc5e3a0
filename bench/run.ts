/**
 * `npm run bench [-- memory|proxy] [quick] [--rounds N] [--claim]`: this gateway beside its peers on one
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
  folderFor,
  type RoundPlan,
  runContender,
  type Timing,
  withContender,
} from "./round.ts";
import { otherCore } from "./wrk.ts";

const fullRounds = 7;
const quickRounds = 3;
const fullPlan: RoundPlan = {
  connections: [64, 8],
  warmUpRequests: 150_000,
  warmUpSecondsMax: 14,
  seconds: 5,
};
const quickPlan: RoundPlan = {
  ...fullPlan,
  warmUpRequests: 50_000,
  warmUpSecondsMax: 6,
  seconds: 2,
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

async function runRounds(
  contenders: readonly Contender[],
  setting: Setting,
  plan: RoundPlan & { readonly rounds: number },
): Promise<Map<string, (Timing[] | undefined)[]>> {
  const results = new Map(contenders.map(({ name }) => [name, [] as (Timing[] | undefined)[]]));
  for (let round = 0; round < plan.rounds; round++) {
    // Another first each round and every other round backwards: drift hits all alike.
    const turned = contenders.map(
      (_, i) => contenders[(i + round) % contenders.length] as Contender,
    );
    const order = round % 2 === 0 ? turned : turned.toReversed();
    for (const [index, contender] of order.entries()) {
      const folder = folderFor(setting.folder, round, index);
      const timings = await runContender(contender, { ...setting, folder }, plan).catch(
        (error: unknown) => {
          console.log(
            `void: ${contender.name}: ${error instanceof Error ? error.message : String(error)}`,
          );
          return undefined;
        },
      );
      results.get(contender.name)?.push(timings);
      const figures = timings?.map(
        (t) => `${Math.round(t.requestsPerSecond)}/s at ${t.connections}`,
      );
      console.log(
        `round ${round + 1}/${plan.rounds}  ${contender.name}: ${figures?.join(", ") ?? "void"}`,
      );
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return results;
}

async function compare(
  comparison: Comparison,
  rounds: number,
  isQuick: boolean,
): Promise<BarResult[]> {
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
    const plan = { ...(isQuick ? quickPlan : fullPlan), rounds };
    const results = await runRounds(present, { ...base, shape }, plan);
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
    options: { rounds: { type: "string" }, claim: { type: "boolean" } },
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
  const rounds = Number(values.rounds ?? (isQuick ? quickRounds : fullRounds));
  console.log(
    `${cpus()[0]?.model}, Linux ${release()}, Node ${process.versions.node}; core 0: system under test, ` +
      `core ${otherCore}: wrk, upstream and hub; ${rounds} rounds, fresh processes, alternating order`,
  );
  const bars: BarResult[] = [];
  for (const [name, comparison] of Object.entries(comparisons)) {
    if (names.length > 0 && !names.includes(name)) continue;
    bars.push(...(await compare(comparison, rounds, isQuick)));
  }
  if (values.claim) printClaim(bars);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
