/**
 * `npm run bench:latency [-- --claim]`: what a proxied call takes longer than the same call straight to the upstream, at 30 % of the
 * gateway's capacity, calls sent at random moments (`open-loop.ts`). Straight and proxied turns alternate; figures are medians of turns.
 */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureDebian } from "../scripts/debian.ts";
import type { OpenLoad, Times } from "./open-loop.ts";
import { type Running, replyBody } from "./peers/contender.ts";
import { startUpstream } from "./peers/nginx.ts";
import { tallygateProxy } from "./peers/tallygate.ts";
import { withContender } from "./round.ts";
import { median } from "./stats.ts";
import { otherCore, wrk } from "./wrk.ts";

const generatorFile = fileURLToPath(new URL("open-loop.ts", import.meta.url));

const loadShare = 0.3;
const connections = 64;
const turns = 7;
const secondsOfTurn = 4;
const warmUpSeconds = 6;
/** A turn in which more calls failed, or were not sent, is void. */
const errorShareMax = 0.001;

const p50MicrosecondsMax = 150;
const p99MicrosecondsMax = 1_000;

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** A turn at this mean rate: quantiles of the time to the end of the reply, µs. */
async function turn(
  { url, headers }: Pick<Running, "url" | "headers">,
  perSecond: number,
): Promise<Quantiles> {
  const load: OpenLoad = { url, headers, connections, perSecond, seconds: secondsOfTurn };
  const generator = spawn("taskset", ["-c", String(otherCore), process.execPath, generatorFile], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: (secondsOfTurn + 30) * 1000,
  });
  generator.stdin.end(JSON.stringify(load));
  const { times, failed, missed } = JSON.parse(await text(generator.stdout)) as Times;
  const lost = Object.values(failed).reduce((sum, count) => sum + count, missed);
  if (lost > times.length * errorShareMax) {
    const by = JSON.stringify(failed);
    throw new Error(
      `${times.length} calls went well; not so, by status: ${by}; not sent: ${missed}`,
    );
  }
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
      await turn(proxy, perSecond);
      const pairs: { straight: Quantiles; proxied: Quantiles }[] = [];
      for (let i = 0; i < turns; i++) {
        const straight = await turn(direct, perSecond);
        pairs.push({ straight, proxied: await turn(proxy, perSecond) });
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
  const tools = await ensureDebian(["wrk", "nginx-light", "util-linux"]);
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
