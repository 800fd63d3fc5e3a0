/**
 * The plain port beside HTTPS: sends callers to the same place under https, if they ask for a host that the certificates
 * are for. Whoever sends a foreign name in Host gets no link to it from here.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TallygateError } from "../../base/errors.ts";
import { type FrontOptions, frontServer } from "./front-server.ts";

export interface RedirectOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Several processes may listen on the port. */
  readonly sharesPort?: boolean;
  /** Of the https URL. */
  readonly httpsPort: number;
  /** Whether a certificate is for this host. */
  readonly hasName: (host: string) => boolean;
  /** Why calls should not come here now; "" if they may. */
  readonly unready: () => string;
  readonly hasProxyHeader?: FrontOptions["hasProxyHeader"];
}

export interface RedirectListener {
  readonly port: number;
  stop(): Promise<void>;
}

/** There is nothing to wait for: a request is a head, and most connections bring one. */
const timeoutMs = 5_000;
const connectionsMax = 4_096;
const headMaxBytes = 8 * 1024;

/** Fails with `port-in-use` or `listen-failed`. */
export async function listenRedirect(options: RedirectOptions): Promise<RedirectListener> {
  const { server } = frontServer(
    {
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      keepAliveTimeout: timeoutMs,
      connectionsCheckingInterval: 500,
      maxHeaderSize: headMaxBytes,
      requireHostHeader: false,
    },
    { hasProxyHeader: options.hasProxyHeader },
  );
  server.maxConnections = connectionsMax;
  server.on("request", (request, response) => redirect(request, response, options));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const place = `${options.host}:${options.port} (redirect)`;
      const code = cause.code === "EADDRINUSE" ? "port-in-use" : "listen-failed";
      reject(new TallygateError(code, `${place}; choose another address`, cause));
    });
    const { host, port } = options;
    server.listen({ host, port, reusePort: options.sharesPort === true }, resolve);
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

function redirect(
  request: IncomingMessage,
  response: ServerResponse,
  options: RedirectOptions,
): void {
  const target = request.url ?? "";
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && target.split("?", 1)[0] === "/-/health") {
    // It speaks for the calls, which do not come in here.
    const reason = options.unready();
    answer(response, reason === "" ? 200 : 503, reason === "" ? "ready" : reason);
    return;
  }
  const host = hostOf(request);
  // What is not origin-form could bring a host of its own.
  if (host === undefined || !/^\/[\x21-\x7e]*$/.test(target)) {
    answer(response, 400, "the request is malformed");
  } else if (!options.hasName(host)) {
    answer(response, 421, "this host is not served here");
  } else {
    const port = options.httpsPort === 443 ? "" : `:${options.httpsPort}`;
    response.setHeader("location", `https://${host}${port}${target}`);
    answer(response, 308, "use https");
  }
}

/** The one Host, lower case, without its port; undefined if there are more, none, or it is not a name. */
function hostOf({ rawHeaders }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter(
    (_, i) => i % 2 === 1 && /^host$/i.test(rawHeaders[i - 1] as string),
  );
  if (hosts.length !== 1) return undefined;
  const name = /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?(?::[0-9]{1,5})?$/.exec(
    hosts[0] as string,
  );
  return name?.[1]?.toLowerCase();
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    // A body that may follow is not waited for.
    ...(status === 308 ? {} : { connection: "close" }),
  });
  response.end(`${text}\n`);
}
