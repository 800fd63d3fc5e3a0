import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import type { HubTls } from "../access/compiled-config.ts";
import { directAcceptor } from "../adapters/direct/acceptor.ts";
import { directDialer, type LinkTls } from "../adapters/direct/dialer.ts";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { certificatesFor } from "../adapters/node/testing/certificates.ts";
import { readClientTls } from "../adapters/node/tls-client.ts";
import { controlServer } from "./control-server.ts";

const joinToken = "join-token-of-the-tests";
const identity = { producer: "a".repeat(32), secret: "5".repeat(64) };
const log = { info() {}, warn() {}, error() {} };
const loopback = { host: "127.0.0.1", port: 0 };

/** A hub's port that takes the link, and what it refused. */
async function hub(t: TestContext, tls: HubTls | undefined) {
  const control = controlServer({ tls, log, metrics: nodeMetrics() }, (_request, response) => {
    response.end("control");
  });
  const refused: string[] = [];
  const secrets = new Map<string, string>();
  const acceptor = directAcceptor({
    server: control.server,
    joinToken,
    hasCertificate: (request) => control.hasCertificate(request),
    producerSecret: (producer) => secrets.get(producer),
    registerProducer: async (producer, hash) => void secrets.set(producer, hash),
    onRefusal: (why) => void refused.push(why),
  });
  acceptor.onConnection(() => {});
  await control.listen(loopback);
  t.after(async () => {
    acceptor.close();
    await control.close();
  });
  return { port: (control.server.address() as AddressInfo).port, refused, control };
}

function dial(url: string, tls: LinkTls = {}) {
  return directDialer({ url, joinToken, identity, tls: () => tls }).connect();
}

test("a gateway joins over TLS a hub whose certificate it can check, and no other", async (t) => {
  const { make, authority } = certificatesFor(t);
  const stranger = certificatesFor(t).authority;
  const certificate = make("hub", { names: ["hub.example", "IP:127.0.0.1"] });
  const { port } = await hub(t, { certificate, minVersion: "TLSv1.3", clientCaFile: undefined });
  const end = await dial(`https://127.0.0.1:${port}`, { ca: authority.cert });
  end.close("done");
  const untrusted = { code: "hub-untrusted" };
  await assert.rejects(dial(`https://127.0.0.1:${port}`), untrusted);
  await assert.rejects(dial(`https://127.0.0.1:${port}`, { ca: stranger.cert }), untrusted);
  // The certificate is for the address, not for this name of it.
  await assert.rejects(dial(`https://localhost:${port}`, { ca: authority.cert }), untrusted);
  await assert.rejects(dial(`http://127.0.0.1:${port}`), { code: "hub-unreachable" });
});

test("where client certificates are asked for, the join token alone opens nothing", async (t) => {
  const { make, authority } = certificatesFor(t);
  const stranger = certificatesFor(t).make("stranger", { names: ["gateway.example"] });
  const certificate = make("hub", { names: ["IP:127.0.0.1"] });
  const gateway = make("gateway", { names: ["gateway.example"] });
  const clientCaFile = authority.certFile;
  const { port, refused } = await hub(t, { certificate, minVersion: "TLSv1.2", clientCaFile });
  const url = `https://127.0.0.1:${port}`;
  const join = (certificate: typeof gateway | undefined) =>
    dial(url, readClientTls({ caFile: clientCaFile, certificate }));
  await assert.rejects(join(undefined), { code: "join-refused" });
  await assert.rejects(join(stranger), { code: "join-refused" });
  assert.deepEqual(refused, ["client-certificate", "client-certificate"]);
  (await join(gateway)).close("done");
});

test("the control plane itself asks for the token alone", async (t) => {
  const { make, authority } = certificatesFor(t);
  const certificate = make("hub", { names: ["IP:127.0.0.1"] });
  const { port } = await hub(t, {
    certificate,
    minVersion: "TLSv1.2",
    clientCaFile: authority.certFile,
  });
  const request = get(`https://127.0.0.1:${port}/`, { ca: authority.cert, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
});

test("a session that began without a certificate does not count as one when it is resumed", async (t) => {
  const { make, authority } = certificatesFor(t);
  const certificate = make("hub", { names: ["IP:127.0.0.1"] });
  const { port, control } = await hub(t, {
    certificate,
    minVersion: "TLSv1.2",
    clientCaFile: authority.certFile,
  });
  const knew: boolean[] = [];
  control.server.on("request", (request) => knew.push(control.hasCertificate(request)));
  const ask = async (options: ConnectionOptions): Promise<Buffer | undefined> => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority.cert, ...options });
    let session: Buffer | undefined;
    socket.on("session", (given: Buffer) => {
      session = given;
    });
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    socket.resume();
    await once(socket, "close");
    return session ?? socket.getSession();
  };
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const session = await ask({ maxVersion });
    await ask({ maxVersion, ...(session === undefined ? {} : { session }) });
  }
  assert.deepEqual(knew, [false, false, false, false]);
});

test("without TLS the control plane listens on this machine only", async () => {
  for (const host of ["0.0.0.0", "192.0.2.1", "::"]) {
    const { listen } = controlServer({ tls: undefined, log, metrics: nodeMetrics() }, () => {});
    await assert.rejects(listen({ host, port: 0 }), /refuses the public address .* without TLS/);
  }
});

test("with TLS it may listen on any address", async (t) => {
  const certificate = certificatesFor(t).make("hub", { names: ["hub.example"] });
  const tls = { certificate, minVersion: "TLSv1.2", clientCaFile: undefined } as const;
  const control = controlServer({ tls, log, metrics: nodeMetrics() }, () => {});
  t.after(() => control.certificates?.close());
  // No machine has this address (RFC 5737): it is the system that refuses it.
  await assert.rejects(control.listen({ host: "192.0.2.1", port: 0 }), /EADDRNOTAVAIL/);
});
