/** HAProxy as a proxy, counting callers in a stick table. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/debian.ts";
import { apiKeyField, type Contender } from "./contender.ts";
import { freePort, spawnPinned, sutCore, waitForPort } from "./process.ts";

function configuration(port: number, upstreamPort: number): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  stick-table type string len 64 size 1m expire 60s store http_req_rate(10s)
  http-request track-sc0 req.hdr(${apiKeyField})
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }
  default_backend service
backend service
  server one 127.0.0.1:${upstreamPort}
`;
}

export const haproxyProxy: Contender = {
  name: "HAProxy stick table",
  note: "HAProxy keeps no day or month quotas: less work than the gateway's",
  unavailable: async () => {
    const packages = await ensureDebian(["haproxy"]);
    return packages.state === "installed" ? undefined : packages.why;
  },
  start: async ({ folder, upstreamPort }) => {
    const port = await freePort();
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, configuration(port, upstreamPort));
    const server = spawnPinned(sutCore, "haproxy", ["-db", "-f", file]);
    await waitForPort(server, port);
    return {
      url: `http://127.0.0.1:${port}/8.8.8.8`,
      headers: { [apiKeyField]: "bench" },
      process: server,
      stop: () => server.stop(),
    };
  },
};
