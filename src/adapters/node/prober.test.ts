import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { ProbeTarget } from "../../status/probe.ts";
import { nodeProber } from "./prober.ts";
import { certificatesFor } from "./testing/certificates.ts";

const seen: string[] = [];

async function serve(t: TestContext, answer: RequestListener): Promise<ProbeTarget> {
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${Object.keys(request.headers).sort().join(",")}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return at((server.address() as AddressInfo).port);
}

function at(port: number): ProbeTarget {
  return { region: "sydney", url: `http://127.0.0.1:${port}` };
}

test("200 is well; it asks for health, without a key", async (t) => {
  const target = await serve(t, (_, response) => response.end("{}"));
  const { outcome, latencyMs } = await nodeProber.probe(target, 2_000);
  assert.equal(outcome, "ok");
  assert.ok(latencyMs > 0 && latencyMs < 2_000, `${latencyMs} ms`);
  assert.deepEqual(seen.splice(0), ["GET /-/health accept,connection,host,user-agent"]);
});

for (const status of [204, 308, 404, 503]) {
  test(`${status} is not well, and no redirect is followed`, async (t) => {
    const target = await serve(t, (_, response) => {
      response.writeHead(status, { location: "/elsewhere" }).end();
    });
    assert.deepEqual((await nodeProber.probe(target, 2_000)).outcome, "refused");
    assert.equal(seen.splice(0).length, 1);
  });
}

test("an answer that takes too long is none, whether or not the connection is taken", async (t) => {
  const target = await serve(t, () => {});
  const started = performance.now();
  assert.deepEqual(await nodeProber.probe(target, 100), { outcome: "slow", latencyMs: 0 });
  assert.ok(performance.now() - started < 1_500);
});

test("no connection, and no HTTP, is unreachable", async (t) => {
  const server = createNetServer((socket) => void socket.end("what?\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.equal((await nodeProber.probe(at(port), 2_000)).outcome, "unreachable");
  const closed = createNetServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port: free } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  assert.equal((await nodeProber.probe(at(free), 2_000)).outcome, "unreachable");
});

test("a body without end is not read", async (t) => {
  const target = await serve(t, (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x".repeat(65_536)), 1);
    response.on("close", () => clearInterval(timer));
  });
  assert.equal((await nodeProber.probe(target, 2_000)).outcome, "ok");
});

test("a certificate is checked where the door is a name, which is what callers do", async (t) => {
  const { certFile, keyFile } = certificatesFor(t).make("door", { names: ["DNS:localhost"] });
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const server = createSecureServer(pair, (_, response) => response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const probe = (host: string) =>
    nodeProber.probe({ region: "sydney", url: `https://${host}:${port}` }, 2_000);
  // Of an authority that nobody here trusts.
  assert.equal((await probe("localhost")).outcome, "unreachable");
  const byAddress = await probe("127.0.0.1");
  assert.equal(byAddress.outcome, "ok");
  assert.ok(byAddress.latencyMs > 0);
});
