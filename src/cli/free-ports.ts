/** Whether ports can be taken, asked before anything is started. */

import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TallygateError } from "../base/errors.ts";

/** Children of a `dev` that was killed end within a second: one started right after waits for them. */
const waitMsMax = 1_500;
const pollMs = 50;

/** Fails with `port-in-use`, naming every taken address of `urls`, if they do not become free soon. */
export async function waitForFreePorts(urls: readonly string[]): Promise<void> {
  const addresses = [...new Set(urls.filter((url) => url !== "").map((url) => new URL(url).host))];
  const deadlineMs = performance.now() + waitMsMax;
  for (;;) {
    const free = await Promise.all(addresses.map(isFree));
    const taken = addresses.filter((_, i) => !free[i]);
    if (taken.length === 0) return;
    if (performance.now() >= deadlineMs) {
      throw new TallygateError(
        "port-in-use",
        `${taken.join(", ")}; stop that process or choose other ports with --base-port`,
      );
    }
    await sleep(pollMs);
  }
}

/**
 * Whether an exclusive listener can be had; also sees the shared ports of gateways, which a second
 * gateway could join without an error. Other failures than a taken port are the child's to report.
 */
function isFree(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    // The URL of port 80 names none.
    server.listen({ host, port: Number(port || 80), exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
