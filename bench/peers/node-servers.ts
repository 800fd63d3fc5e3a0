/** The peers that run on Node: bare node:http, and fastify with its rate limit. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { apiKeyField, type Contender, type Setting } from "./contender.ts";
import { freePort, spawnPinned, sutCore, waitForPort } from "./process.ts";

const servers = join(import.meta.dirname, "servers");

function contender(
  name: string,
  file: string,
  environment: (setting: Setting) => Record<string, string>,
  packageName?: string,
): Contender {
  return {
    name,
    unavailable: () => {
      const folder = join(import.meta.dirname, "..", "node_modules", packageName ?? "");
      const isThere = packageName === undefined || existsSync(folder);
      return Promise.resolve(isThere ? undefined : `${packageName} is not installed in bench/`);
    },
    start: async (setting) => {
      const port = await freePort();
      const env = { PORT: String(port), NODE_ENV: "production", ...environment(setting) };
      const server = spawnPinned(sutCore, process.execPath, [join(servers, file)], env);
      await waitForPort(server, port);
      return {
        url: `http://127.0.0.1:${port}/8.8.8.8`,
        headers: { [apiKeyField]: "bench" },
        process: server,
        stop: () => server.stop(),
      };
    },
  };
}

const shape = (setting: Setting): Record<string, string> => ({
  SHAPE: JSON.stringify(setting.shape),
});

export const nodeHttp: Contender = contender("bare node:http", "node-http.js", shape);

/** The same program again: how far its ratio to itself is from 1 is the noise of the method. */
export const nodeHttpAgain: Contender = contender("bare node:http (A/A)", "node-http.js", shape);

export const fastifyMemory: Contender = contender(
  "fastify + rate-limit",
  "fastify-memory.js",
  shape,
  "@fastify/rate-limit",
);

const upstream = (setting: Setting): Record<string, string> => ({
  UPSTREAM: `http://127.0.0.1:${setting.upstreamPort}`,
});

export const fastifyProxy: Contender = contender(
  "fastify + rate-limit + http-proxy",
  "fastify-proxy.js",
  upstream,
  "@fastify/http-proxy",
);

export const fastifyProxyAgain: Contender = contender(
  "fastify + rate-limit + http-proxy (A/A)",
  "fastify-proxy.js",
  upstream,
  "@fastify/http-proxy",
);
