/**
 * `npm run bench:latency [-- --claim]`: what a proxied call takes longer than the same call straight to the upstream, at 30 % of the
 * gateway's capacity, calls sent at a fixed rate. Straight and proxied turns alternate; figures are medians of turns.
 * h2load sends what is due in one go every few milliseconds, so that the calls of a burst wait for each other: the figure is above what
 * calls at random moments would see.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { ensureDebian } from "../scripts/debian.ts";
import { type Running, replyBody } from "./peers/contender.ts";
import { startUpstream } from "./peers/nginx.ts";
import { tallygateProxy } from "./peers/tallygate.ts";
import { withContender } from "./round.ts";
import { median } from "./stats.ts";
import { otherCore, wrk } from "./wrk.ts";

const run = promisify(execFile);

const loadShare = 0.3;
const connections = 16;
const turns = 7;
const secondsOfTurn = 4;
const warmUpSeconds = 6;
/** More failed requests than this make a turn void. */
const errorShareMax = 0.0001;

const p50MicrosecondsMax = 150;
const p99MicrosecondsMax = 1_000;

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** A turn at a fixed rate: quantiles of the time to the end of the reply, µs. */
async function turn(
  { url, headers }: Pick<Running, "url" | "headers">,
  perSecond: number,
  folder: string,
): Promise<Quantiles> {
  const log = join(folder, "h2load.tsv");
  rmSync(log, { force: true });
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const calls = Math.ceil(perSecond * secondsOfTurn);
  const shape = ["--h1", "-t1", `-c${connections}`, `-n${calls}`];
  const rate = `--rps=${(perSecond / connections).toFixed(2)}`;
  await run(
    "taskset",
    ["-c", String(otherCore), "h2load", ...shape, rate, `--log-file=${log}`, ...fields, url],
    { timeout: (secondsOfTurn + 30) * 1000 },
  ).catch((cause: unknown) => {
    // Node's own message holds the command, and so the key.
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    throw new Error(`h2load ended with ${String(code)}: ${stderr ?? ""}`);
  });
  const rows = readFileSync(log, "utf8").trim().split("\n");
  const times: number[] = [];
  for (const row of rows) {
    const [, status, microseconds] = row.split("\t").map(Number);
    if (status === 200 && microseconds !== undefined) times.push(microseconds);
  }
  if (times.length < calls * (1 - errorShareMax)) {
    throw new Error(`${calls - times.length} of ${calls} requests failed`);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

interface Result {
  readonly perSecond: number;
  readonly straight: Quantiles;
  readonly proxied: Quantiles;
  /** Medians over turns of the difference within a turn. */
  readonly added: Quantiles;
}

async function measure(folder: string): Promise<Result> {
  const upstream = await startUpstream(otherCore, join(folder, "upstream"));
  try {
    const shape = { status: 200, fields: [], body: replyBody };
    const setting = { folder: join(folder, "gateway"), upstreamPort: upstream.port, shape };
    mkdirSync(setting.folder);
    return await withContender(tallygateProxy, setting, async (proxy) => {
      const direct = { url: `http://127.0.0.1:${upstream.port}/8.8.8.8`, headers: proxy.headers };
      await wrk({ ...proxy, connections: 64, seconds: warmUpSeconds });
      const { requestsPerSecond } = await wrk({ ...proxy, connections: 64, seconds: 4 });
      const perSecond = Math.floor(requestsPerSecond * loadShare);
      await turn(proxy, perSecond, folder);
      const pairs: { straight: Quantiles; proxied: Quantiles }[] = [];
      for (let i = 0; i < turns; i++) {
        const straight = await turn(direct, perSecond, folder);
        pairs.push({ straight, proxied: await turn(proxy, perSecond, folder) });
      }
      const middle = (of: (pair: (typeof pairs)[number]) => number): number =>
        median(pairs.map(of));
      return {
        perSecond,
        straight: { p50: middle((p) => p.straight.p50), p99: middle((p) => p.straight.p99) },
        proxied: { p50: middle((p) => p.proxied.p50), p99: middle((p) => p.proxied.p99) },
        added: {
          p50: middle((p) => p.proxied.p50 - p.straight.p50),
          p99: middle((p) => p.proxied.p99 - p.straight.p99),
        },
      };
    });
  } finally {
    await upstream.process.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { claim: { type: "boolean" } } });
  const tools = await ensureDebian(["wrk", "nginx-light", "util-linux", "nghttp2-client"]);
  if (tools.state === "unavailable") throw new Error(`missing: ${tools.why}`);
  const folder = mkdtempSync(join(tmpdir(), "tallygate-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const { perSecond, straight, proxied, added } = await measure(folder);
  const figure =
    `at ${perSecond} calls a second: p50 ${straight.p50} → ${proxied.p50} µs (+${added.p50}), ` +
    `p99 ${straight.p99} → ${proxied.p99} µs (+${added.p99})`;
  console.log(figure);
  const met = added.p50 <= p50MicrosecondsMax && added.p99 <= p99MicrosecondsMax;
  if (values.claim) console.log(JSON.stringify({ figure, met }));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
