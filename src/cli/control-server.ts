/** The hub's one port: control plane and link, over TLS where it is configured, else on this machine only. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { BlockList } from "node:net";
import { TLSSocket } from "node:tls";
import type { HubTls, ListenAddress } from "../access/compiled-config.ts";
import { type Front, frontServer } from "../adapters/node/front-server.ts";
import { type CertificateStore, openCertificates } from "../adapters/node/tls-store.ts";
import { TallygateError } from "../base/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";

/** Header and body of one request of the admin API. */
const requestTimeoutMs = 60_000;
const connectionsMax = 1_024;

export interface ControlServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Undefined: plain HTTP. To be told where certificates are to be read anew. */
  readonly certificates: CertificateStore | undefined;
  /** Whether a gateway presents the client certificate that it must; true where it need not. */
  hasCertificate(request: IncomingMessage): boolean;
  listen(address: ListenAddress): Promise<void>;
  close(): Promise<void>;
}

/** Fails with `certificate-invalid`. */
export function controlServer(
  options: { readonly tls: HubTls | undefined; readonly log: Log; readonly metrics: Metrics },
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): ControlServer {
  const { tls, log, metrics } = options;
  const certificates =
    tls === undefined
      ? undefined
      : openCertificates({
          certificates: [tls.certificate],
          minVersion: tls.minVersion,
          clientCaFile: tls.clientCaFile,
          log,
          metrics,
        });
  const front = frontServer({ requestTimeout: requestTimeoutMs }, { tls: certificates });
  const { server } = front;
  server.on("request", answer);
  server.maxConnections = connectionsMax;
  return {
    server,
    certificates,
    hasCertificate: ({ socket }) =>
      tls?.clientCaFile === undefined || (socket instanceof TLSSocket && isProved(socket)),
    async listen(address) {
      if (tls === undefined) refusePublic(address);
      await listenOn(server, address);
    },
    async close() {
      certificates?.close();
      await closeServer(front);
    },
  };
}

/** A resumed session without a certificate would count as authorized for node. */
function isProved(socket: TLSSocket): boolean {
  return socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

function refusePublic({ host, port }: ListenAddress): void {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  const isLoopback =
    host === "localhost" || loopback.check(host, host.includes(":") ? "ipv6" : "ipv4");
  if (isLoopback) return;
  throw new TallygateError(
    "listen-failed",
    `the control plane refuses the public address ${host}:${port} without TLS; give hub.tls a certificate, or listen on 127.0.0.1`,
  );
}

function listenOn(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      if (error.code !== "EADDRINUSE") {
        reject(new TallygateError("listen-failed", `${where} (${error.code})`, error));
        return;
      }
      const what = `${where} is taken; stop the other process or choose another port`;
      reject(new TallygateError("port-in-use", what, error));
    });
    server.listen(port, host, resolve);
  });
}

function closeServer({ server, closeHandshakes }: Front): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    closeHandshakes();
    server.closeAllConnections();
  });
}
