/** The operations listener: `/health/live`, `/health/ready`, `/metrics`. Never public. */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TallygateError } from "../../base/errors.ts";
import type { Metrics } from "../../ports/metrics.ts";

export interface OperationsOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why calls should not come here now; "" if they may. */
  readonly unready: () => string;
}

export interface OperationsListener {
  readonly port: number;
  stop(): Promise<void>;
}

const connectionsMax = 64;
const requestTimeoutMs = 5_000;

export async function listenOperations(options: OperationsOptions): Promise<OperationsListener> {
  const { host, port, metrics, unready } = options;
  const server = createServer({
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    maxHeaderSize: 8 * 1024,
  });
  server.maxConnections = connectionsMax;
  server.on("request", (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      answer(response, 405, "method not allowed");
    } else if (path === "/health/live") {
      answer(response, 200, "live");
    } else if (path === "/health/ready") {
      const reason = unready();
      answer(response, reason === "" ? 200 : 503, reason === "" ? "ready" : reason);
    } else if (path === "/metrics") {
      metrics.expose().then(
        (text) => {
          response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
          response.end(text);
        },
        () => answer(response, 500, "the metrics cannot be collected"),
      );
    } else {
      answer(response, 404, "not found");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const code = cause.code === "EADDRINUSE" ? "port-in-use" : "listen-failed";
      const place = `${host}:${port} (operations)`;
      reject(new TallygateError(code, `${place}; choose another address`, cause));
    });
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}
