/**
 * `node bench/pipeline.ts [memory|os|disk|proxy] [rounds]`: the request path without hub and view against bare
 * node:http (or, as a proxy, fastify), one process each on one core, in turns. For work on the path; what is promised is
 * measured by `npm run bench`.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiKeyField, type Contender, replyBody, type Setting } from "./peers/contender.ts";
import { startUpstream } from "./peers/nginx.ts";
import { fastifyProxy, nodeHttp } from "./peers/node-servers.ts";
import { freePort, spawnPinned, sutCore, waitForPort } from "./peers/process.ts";
import { benchKey } from "./pipeline-server.ts";
import { formatResults } from "./report.ts";
import { fetchShape, runTurns, withContender } from "./round.ts";
import { otherCore } from "./wrk.ts";

const server = join(import.meta.dirname, "pipeline-server.ts");

function pipelineContender(journal: string, isProxy: boolean): Contender {
  return {
    name: `pipeline ${journal}`,
    unavailable: () => Promise.resolve(undefined),
    start: async ({ upstreamPort }) => {
      const port = await freePort();
      const env = {
        PORT: String(port),
        JOURNAL: journal,
        NODE_ENV: "production",
        ...(isProxy && { UPSTREAM: `http://127.0.0.1:${upstreamPort}` }),
      };
      const options = process.env["NODE_FLAGS"]?.split(" ") ?? [];
      const process_ = spawnPinned(sutCore, process.execPath, [...options, server], env);
      await waitForPort(process_, port);
      return {
        url: `http://127.0.0.1:${port}/8.8.8.8`,
        headers: { [apiKeyField]: benchKey },
        process: process_,
        stop: () => process_.stop(),
      };
    },
  };
}

const [mode = "memory", roundsText = "3"] = process.argv.slice(2);
const isProxy = mode === "proxy";
const own = pipelineContender(isProxy ? "os" : mode, isProxy);
const peer = isProxy ? fastifyProxy : nodeHttp;
const base = mkdtempSync(join(tmpdir(), "tallygate-bench-"));
const upstream = isProxy ? await startUpstream(otherCore, join(base, "nginx")) : undefined;
try {
  const empty: Setting = {
    folder: join(base, "shape"),
    upstreamPort: upstream?.port ?? 0,
    shape: { status: 200, fields: [], body: replyBody },
  };
  const shape = await withContender(own, empty, fetchShape);
  const plan = {
    connections: [64, 8],
    warmUpRequests: 100_000,
    warmUpSecondsMax: 8,
    rounds: Number(roundsText),
    seconds: 2,
  };
  const results = await runTurns([own, peer], { ...empty, folder: base, shape }, plan);
  for (const connections of plan.connections) {
    console.log(`${connections} connections\n${formatResults(results, peer.name, connections)}`);
  }
} finally {
  await upstream?.process.stop();
  rmSync(base, { recursive: true, force: true });
}
