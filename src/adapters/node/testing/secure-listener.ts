/** A public listener over TLS that tells each call what it knows of the connection, and clients for it. */

import { once } from "node:events";
import type { TestContext } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { CertificateFiles } from "../../../access/compiled-config.ts";
import { listenerDefaults } from "../../../access/config-door.ts";
import type { Exchange, Listener } from "../../../ports/listener.ts";
import { type ListenOptions, listenHttp } from "../http-listener.ts";
import { nodeMetrics } from "../metrics.ts";
import {
  type CertificateStore,
  type CertificateStoreOptions,
  openCertificates,
} from "../tls-store.ts";

export interface SecureListener {
  readonly listener: Listener;
  readonly store: CertificateStore;
  /** Messages of the log with what they tell. */
  readonly logged: string[];
  metrics(): Promise<string>;
}

export async function secureListener(
  t: TestContext,
  certificates: readonly CertificateFiles[],
  more: {
    readonly store?: Partial<CertificateStoreOptions>;
    readonly listen?: Partial<ListenOptions>;
    /** Default: tells what it knows of the connection. */
    readonly take?: (exchange: Exchange) => void;
  } = {},
): Promise<SecureListener> {
  const logged: string[] = [];
  const note = (message: string, fields: object = {}): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const metrics = nodeMetrics();
  const store = openCertificates({
    certificates,
    minVersion: "TLSv1.2",
    log: { info: note, warn: note, error: note },
    metrics,
    ...more.store,
  });
  t.after(() => store.close());
  const listener = await listenHttp(
    {
      ...{ host: "127.0.0.1", port: 0, tls: store },
      ...{ limits: () => listenerDefaults, groupOf: (address: string) => address },
      ...more.listen,
    },
    {
      take(exchange) {
        if (more.take !== undefined) return more.take(exchange);
        const { protocol, peerAddress } = exchange.connection;
        exchange.reply(200, [], `${protocol} ${peerAddress}`);
      },
      refuse: (status) => ({ headers: [], body: String(status) }),
    },
  );
  t.after(() => listener.stop(0));
  return { listener, store, logged, metrics: () => metrics.expose() };
}

/** A client that trusts nobody in particular, after its handshake; rejects if that fails. */
export async function secureClient(
  t: TestContext,
  { port }: Listener,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** The whole reply to one request; the connection is closed after it. */
export async function ask(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  let text = "";
  socket.setEncoding("latin1");
  for await (const chunk of socket) text += chunk;
  return text;
}

/** The common name of the certificate that a client is shown for a name. */
export async function shownFor(
  t: TestContext,
  listener: Listener,
  servername?: string,
): Promise<string> {
  const socket = await secureClient(t, listener, servername === undefined ? {} : { servername });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}
