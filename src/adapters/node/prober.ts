/**
 * Probes on node's HTTP: `GET /-/health`, on a connection of its own, so that a door which takes no new ones is seen. Nothing that
 * comes back is kept or told, whatever it is: an address that a gateway made up learns nothing by being asked.
 */

import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { performance } from "node:perf_hooks";
import type { TLSSocket } from "node:tls";
import type { Probed, Prober } from "../../ports/prober.ts";

export const nodeProber: Prober = {
  probe: (target, msMax) =>
    new Promise<Probed>((resolve) => {
      const url = new URL("/-/health", target.url);
      const isSecure = url.protocol === "https:";
      let sentMs = 0;
      const options = {
        agent: false,
        headers: {
          accept: "application/json",
          connection: "close",
          "user-agent": "tallygate-probe",
        },
        maxHeaderSize: 16_384,
        // Certificates are for names. Where only an address is known, none can be asked for.
        rejectUnauthorized: isIP(url.hostname.replace(/^\[|\]$/g, "")) === 0,
      };
      const finish = (outcome: Probed["outcome"], latencyMs = 0): void => {
        clearTimeout(bound);
        resolve({ outcome, latencyMs });
        request.destroy();
      };
      const answered = (response: IncomingMessage): void => {
        const isWell = response.statusCode === 200;
        finish(isWell ? "ok" : "refused", performance.now() - sentMs);
      };
      const request = (isSecure ? requestHttps : requestHttp)(url, options, answered);
      const bound = setTimeout(() => finish("slow"), msMax);
      // Destroying it may fail it once more: the promise is settled by then.
      request.on("error", () => finish("unreachable"));
      request.once("socket", (socket) => {
        sentMs = performance.now();
        const opened = (): void => {
          sentMs = performance.now();
        };
        if (isSecure) (socket as TLSSocket).once("secureConnect", opened);
        else socket.once("connect", opened);
      });
      request.end();
    }),
};
