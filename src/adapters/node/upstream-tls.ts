/**
 * How connections to an upstream are opened. Those to https targets are checked: the certificate must be for the target's
 * host (or `serverName`) and issued by a CA that is trusted, whatever the environment says.
 */

import { createRequire } from "node:module";
import { isIP, type LookupFunction } from "node:net";
import type * as Undici from "undici";
import type { buildConnector } from "undici";
import type { UpstreamTls } from "../../access/compiled-config.ts";
import type { Log } from "../../ports/log.ts";
import { stampNow } from "./file-watch.ts";
import { type ClientTls, type ClientTlsFiles, readClientTls } from "./tls-client.ts";

/** An upstream's `tls` and what its files hold: one for all its connections, so that a wrong file is told of once. */
export interface WatchedTls {
  readonly config: UpstreamTls;
  /** Looks at the files now and then. The same object while they are the same. Fails with `certificate-invalid` while they never were right. */
  newest(): ClientTls;
}

export interface UpstreamConnectOptions {
  readonly tls: WatchedTls | undefined;
  /** Milliseconds to connect, the TLS handshake included. */
  readonly timeoutMs: number;
  /** In place of the system's. */
  readonly lookup?: LookupFunction;
}

/** Milliseconds between looks at the files, at least; each is a `stat` or three. */
const lookMs = 5_000;

const require = createRequire(import.meta.url);

/** For undici's `connect`. */
export function upstreamConnector(options: UpstreamConnectOptions): buildConnector.connector {
  const { tls, timeoutMs, lookup } = options;
  const undici = require("undici") as typeof Undici;
  const build = (files: ClientTls): buildConnector.connector =>
    undici.buildConnector({
      ...files,
      timeout: timeoutMs,
      allowH2: false,
      minVersion: "TLSv1.2",
      rejectUnauthorized: tls?.config.isVerified ?? true,
      ...(lookup === undefined ? {} : { lookup }),
    });
  const newest = connectorOfFiles(tls, build);
  return (request, callback) => {
    let connect: buildConnector.connector;
    try {
      connect = newest();
    } catch (cause) {
      callback(cause as Error, null);
      return;
    }
    const { hostname } = request;
    // Never the name that a caller's Host may have brought. An address is checked, but cannot be asked for.
    const named = isIP(unbracketed(hostname)) === 0 ? hostname : "";
    connect({ ...request, servername: tls?.config.serverName ?? named }, callback);
  };
}

function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** The connector with what the files hold now. */
function connectorOfFiles(
  tls: WatchedTls | undefined,
  build: (files: ClientTls) => buildConnector.connector,
): () => buildConnector.connector {
  if (tls === undefined) {
    const connector = build({});
    return () => connector;
  }
  let built:
    | { readonly files: ClientTls; readonly connector: buildConnector.connector }
    | undefined;
  return () => {
    const files = tls.newest();
    if (built?.files !== files) built = { files, connector: build(files) };
    return built.connector;
  };
}

/** Files are read when first asked for, and again once they have changed. `onRefused`: changed ones are wrong, those before go on being used. */
export function watchTls(config: UpstreamTls, onRefused: (cause: unknown) => void): WatchedTls {
  const paths = pathsOf(config);
  let current: ClientTls | undefined;
  let stamp = "";
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return {
    config,
    newest() {
      const nowMs = performance.now();
      if (current !== undefined && nowMs - lookedAtMs < lookMs) return current;
      lookedAtMs = nowMs;
      const now = paths.map(stampNow).join();
      if (current !== undefined && now === stamp) return current;
      try {
        current = readClientTls(config);
      } catch (cause) {
        if (current === undefined) throw cause;
        onRefused(cause);
      }
      stamp = now;
      return current;
    },
  };
}

function pathsOf({ caFile, certificate }: ClientTlsFiles): string[] {
  const paths = [caFile, certificate?.certFile, certificate?.keyFile];
  return paths.filter((path) => path !== undefined);
}

/**
 * To be called before a configuration is used: says loudly which upstreams are not checked. Fails with
 * `certificate-invalid` where files cannot be used.
 */
export function checkUpstreamFiles(
  upstreams: readonly { readonly name: string; readonly tls: UpstreamTls | undefined }[],
  log: Log,
): void {
  for (const { name, tls } of upstreams) {
    if (tls === undefined) continue;
    readClientTls(tls);
    if (tls.isVerified) continue;
    log.warn(
      "an upstream's certificate is not checked: anyone on the way can read and change calls",
      {
        upstream: name,
      },
    );
  }
}
