/** nginx, in a folder of its own: as the upstream, from memory and as a proxy. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/debian.ts";
import { apiKeyField, type Contender, type Running, replyBody } from "./contender.ts";
import { freePort, type PinnedProcess, spawnPinned, sutCore, waitForPort } from "./process.ts";

/** A rate that the benchmark cannot reach: what is measured is the work of counting. */
const rate = "1000000r/s";

function configuration(folder: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${folder}/${kind};`)
    .join("\n");
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  default_type application/json;
${temporary}
${http}
}
`;
}

function limited(port: number, location: string): string {
  return `  map $http_${apiKeyField.replaceAll("-", "_")} $caller { default $http_${apiKeyField.replaceAll("-", "_")}; "" $binary_remote_addr; }
  limit_req_zone $caller zone=callers:10m rate=${rate};
  limit_req_status 429;
  server {
    listen 127.0.0.1:${port} reuseport;
    location / { limit_req zone=callers burst=100000 nodelay; ${location} }
    location @reply { return 200 '${replyBody.trim()}\\n'; }
  }`;
}

async function startNginx(
  core: number,
  folder: string,
  http: (port: number) => string,
): Promise<{ port: number; process: PinnedProcess }> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  writeFileSync(join(folder, "nginx.conf"), configuration(folder, http(port)));
  const server = spawnPinned(core, "nginx", ["-p", folder, "-c", join(folder, "nginx.conf")]);
  await waitForPort(server, port);
  return { port, process: server };
}

async function unavailable(): Promise<string | undefined> {
  const packages = await ensureDebian(["nginx-light"]);
  if (packages.state === "installed") return undefined;
  return packages.why;
}

/** The upstream of all proxies, on the core of the generator. */
export function startUpstream(core: number, folder: string): ReturnType<typeof startNginx> {
  return startNginx(
    core,
    folder,
    (port) =>
      `  server { listen 127.0.0.1:${port}; location / { return 200 '${replyBody.trim()}\\n'; } }`,
  );
}

function contender(
  name: string,
  note: string,
  http: (port: number, upstream: number) => string,
): Contender {
  return {
    name,
    note,
    unavailable,
    start: async ({ folder, upstreamPort }): Promise<Running> => {
      const started = await startNginx(sutCore, folder, (port) => http(port, upstreamPort));
      return {
        url: `http://127.0.0.1:${started.port}/8.8.8.8`,
        headers: { [apiKeyField]: "bench" },
        process: started.process,
        stop: () => started.process.stop(),
      };
    },
  };
}

/** `return` alone would answer before limit_req is asked, so it stands behind try_files. */
export const nginxMemory: Contender = contender(
  "nginx limit_req, return 200",
  "nginx keeps no day or month quotas: less work than the gateway's",
  (port) => limited(port, "try_files /none @reply;"),
);

export const nginxProxy: Contender = contender(
  "nginx limit_req, proxy_pass",
  "nginx keeps no day or month quotas: less work than the gateway's",
  (port, upstream) =>
    `  upstream service { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }\n${limited(
      port,
      'proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";',
    )}`,
);
