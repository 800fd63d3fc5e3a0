import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { Pool } from "undici";
import type { UpstreamTls } from "../../access/compiled-config.ts";
import { present } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import type { UpstreamConnections } from "../../ports/upstream.ts";
import { certificatesFor, type MadeCertificate } from "./testing/certificates.ts";
import { compiledUpstreams } from "./testing/real-upstreams.ts";
import { upstreamNetwork } from "./upstream-client.ts";
import { checkUpstreamFiles, upstreamConnector, watchTls } from "./upstream-tls.ts";

/** An https server that tells who called: its client certificate's name, and the name it was asked for. */
async function server(t: TestContext, pair: MadeCertificate, clientCa?: string): Promise<number> {
  const made = createServer(
    {
      cert: pair.cert,
      key: readFileSync(pair.keyFile),
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }),
    },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      const name = socket.getPeerCertificate().subject?.CN ?? "nobody";
      response.end(`${String(name)} ${socket.servername || "-"}`);
    },
  );
  made.listen(0, "127.0.0.1");
  await new Promise((resolve) => made.once("listening", resolve));
  t.after(() => {
    made.close();
    made.closeAllConnections();
  });
  return (made.address() as AddressInfo).port;
}

const unset: UpstreamTls = {
  caFile: undefined,
  certificate: undefined,
  serverName: undefined,
  isVerified: true,
};

/** What a call of the origin brings, or the code of what went wrong. */
async function call(
  origin: string,
  tls: UpstreamTls | undefined,
  headers: Record<string, string> = {},
): Promise<string> {
  const lookup: LookupFunction = (_name, _options, found) => {
    found(null, [{ address: "127.0.0.1", family: 4 }]);
  };
  const watched = tls && watchTls(tls, () => {});
  const connect = upstreamConnector({ tls: watched, timeoutMs: 5_000, lookup });
  const pool = new Pool(origin, { connect });
  try {
    const { body } = await pool.request({ method: "GET", path: "/", headers });
    return await body.text();
  } catch (error) {
    return String((error as { code?: string }).code);
  } finally {
    await pool.destroy();
  }
}

test("an https target must prove its name by a CA that is trusted", async (t) => {
  const { make, authority } = certificatesFor(t);
  const port = await server(t, make("api", { names: ["api.example", "IP:127.0.0.1"] }));
  const trusted = { ...unset, caFile: authority.certFile };
  const table: [origin: string, tls: UpstreamTls | undefined, outcome: string][] = [
    [`https://api.example:${port}`, trusted, "nobody api.example"],
    [`https://127.0.0.1:${port}`, trusted, "nobody -"],
    [`https://other.example:${port}`, trusted, "ERR_TLS_CERT_ALTNAME_INVALID"],
    [`https://api.example:${port}`, undefined, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [`https://api.example:${port}`, unset, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [
      `https://other.example:${port}`,
      { ...trusted, serverName: "api.example" },
      "nobody api.example",
    ],
    [
      `https://api.example:${port}`,
      { ...trusted, serverName: "x.example" },
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    [`https://other.example:${port}`, { ...unset, isVerified: false }, "nobody other.example"],
  ];
  for (const [origin, tls, outcome] of table)
    assert.equal(await call(origin, tls), outcome, origin);
});

test("the environment cannot turn checks off, nor a caller choose the name that is checked", async (t) => {
  const { make } = certificatesFor(t);
  const port = await server(t, make("api", { names: ["api.example"] }));
  const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  t.after(() => {
    if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
  });
  const origin = `https://api.example:${port}`;
  assert.equal(await call(origin, undefined), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  const { authority, make: makeOther } = certificatesFor(t);
  const other = await server(t, makeOther("evil", { names: ["evil.example"] }));
  const tls = { ...unset, caFile: authority.certFile };
  const outcome = await call(`https://api.example:${other}`, tls, { host: "evil.example" });
  assert.equal(outcome, "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("a client certificate is presented to whoever asks for one, and a renewed one after it", async (t) => {
  const { make, authority } = certificatesFor(t);
  const port = await server(t, make("api", { names: ["api.example"] }), authority.cert);
  const certificate = make("gateway", { names: ["gateway.example"] });
  const tls = { ...unset, caFile: authority.certFile };
  const origin = `https://api.example:${port}`;
  assert.notEqual(await call(origin, tls), "nobody api.example");
  assert.equal(await call(origin, { ...tls, certificate }), "gateway api.example");
});

test("changed files are used for the connections that follow; wrong ones are not, and told of once", async (t) => {
  const { make, authority } = certificatesFor(t);
  const port = await server(t, make("api", { names: ["api.example"] }), authority.cert);
  const certificate = make("old", { names: ["gateway.example"] });
  const next = make("next", { names: ["gateway.example"] });
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const warned: string[] = [];
  const warn = (text: string, fields?: object) => {
    warned.push(`${text} ${JSON.stringify(fields)}`);
  };
  const network = upstreamNetwork({ info() {}, error() {}, warn });
  const tls = { ...unset, caFile: authority.certFile, certificate, serverName: "api.example" };
  const origin = `https://127.0.0.1:${port}`;
  const compiled = compiledUpstreams({ shop: { targets: [origin] } }).get("shop");
  const upstream = { ...present(compiled, "the upstream"), tls };
  /** By a new connection to each of two addresses. */
  const presented = async (): Promise<string[]> => {
    const opened = [1, 2].map(() => network.open({ origin, address: "127.0.0.1", upstream }));
    const texts = await Promise.all(opened.map(answerOf));
    await Promise.all(opened.map((connections) => connections.destroy()));
    return texts.map((text) => text.split(" ", 1)[0] as string);
  };
  assert.deepEqual(await presented(), ["old", "old"]);
  const secret = "not a key, but secret all the same";
  writeFileSync(certificate.keyFile, secret);
  assert.deepEqual(await presented(), ["old", "old"]);
  assert.deepEqual(warned, []);
  nowMs += 5_000;
  assert.deepEqual(await presented(), ["old", "old"]);
  nowMs += 5_000;
  assert.deepEqual(await presented(), ["old", "old"]);
  assert.equal(warned.length, 1);
  assert.match(warned.join(), /changed TLS files of an upstream are not used.*"shop"/);
  assert.ok(warned.join().includes(certificate.keyFile) && !warned.join().includes(secret));
  copyFileSync(next.keyFile, certificate.keyFile);
  copyFileSync(next.certFile, certificate.certFile);
  nowMs += 5_000;
  assert.deepEqual(await presented(), ["next", "next"]);
  assert.equal(warned.length, 1);
});

function answerOf(connections: UpstreamConnections): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    connections.send(
      { method: "GET", target: "/", headers: [], body: undefined, isUpgrade: false },
      {
        started() {},
        received: (bytes) => {
          text += Buffer.from(bytes).toString();
        },
        completed: () => resolve(text),
        failed: ({ kind, cause }) => reject(new Error(kind, { cause })),
        upgraded() {},
      },
    );
  });
}

test("files that cannot be used are told before a configuration is, and so is what is not checked", (t) => {
  const { authority } = certificatesFor(t);
  const warned: string[] = [];
  const log = { info() {}, error() {}, warn: (text: string) => void warned.push(text) };
  const check = (tls: UpstreamTls | undefined) => checkUpstreamFiles([{ name: "u", tls }], log);
  check(undefined);
  check({ ...unset, caFile: authority.certFile });
  assert.deepEqual(warned, []);
  check({ ...unset, isVerified: false });
  assert.match(warned.join(), /^an upstream's certificate is not checked/);
  const isInvalid = (error: unknown) =>
    error instanceof TallygateError && error.code === "certificate-invalid";
  assert.throws(() => check({ ...unset, caFile: `${authority.certFile}.none` }), isInvalid);
});

test("a connection whose files were never right fails, and takes nothing with it", async () => {
  const tls = { ...unset, caFile: "/nonexistent/ca.pem" };
  assert.equal(await call("https://127.0.0.1:1", tls), "certificate-invalid");
});
