/** Routes that the gateway answers itself, bounds of bodies and CORS, on real sockets. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PipelineRig } from "../../gateway/testing/pipeline-rig.ts";
import { listenHttp } from "./http-listener.ts";
import { staticFiles } from "./static-files.ts";
import { realUpstreams } from "./testing/real-upstreams.ts";

const large = Buffer.alloc(1_000_000, "0123456789");
const site = "https://app.example.com";

async function open(t: TestContext): Promise<{ rig: PipelineRig; url: string; bodies: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-routes-"));
  writeFileSync(join(folder, "large.txt"), large);
  const bodies: number[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    request.on("end", () => {
      bodies.push(bytes);
      response.end("taken");
    });
    request.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstreams = realUpstreams();
  const rig = await PipelineRig.create({
    upstreams,
    files: staticFiles,
    handlers: { "./handler.ts": async (request) => new Response(await request.text()) },
    config: {
      cors: { origins: [site] },
      listener: { bodyMax: "100KB" },
      plans: { anonymous: { limits: [{ name: "day", per: "ip", quota: 100, window: "day" }] } },
      upstreams: {
        users: { targets: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] },
      },
      routes: [
        { path: "/files/*", files: folder },
        { path: "/moved/*", redirect: { to: "/files/{*}", status: "301" } },
        { path: "/small", upstream: "users", bodyMax: "10KB" },
        { path: "/large", upstream: "users", bodyMax: "1MB" },
        { path: "/handler", handler: "./handler.ts", bodyMax: "10KB" },
      ],
    },
  });
  const storing = setInterval(() => rig.journal.store(), 2);
  const listener = await listenHttp(
    { host: "127.0.0.1", port: 0, limits: () => rig.config.listener, groupOf: () => "" },
    rig.pipeline,
  );
  t.after(async () => {
    await listener.stop(0);
    await upstreams.close();
    clearInterval(storing);
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return { rig, url: `http://127.0.0.1:${listener.port}`, bodies };
}

/** Without a length: only reading it tells how long it is. */
function chunked(bytes: number): RequestInit {
  const body = new Blob([new Uint8Array(bytes)]).stream();
  return { method: "POST", body, duplex: "half" };
}

test("files arrive whole, in part or not at all where they are known, and are charged", async (t) => {
  const { rig, url } = await open(t);
  const whole = await fetch(`${url}/moved/large.txt`);
  assert.deepEqual([whole.redirected, whole.status], [true, 200]);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(large));
  const part = await fetch(`${url}/files/large.txt`, { headers: { range: "bytes=10-19" } });
  assert.deepEqual([part.status, await part.text()], [206, "0123456789"]);
  const tag = part.headers.get("etag") as string;
  const known = await fetch(`${url}/files/large.txt`, { headers: { "if-none-match": tag } });
  assert.deepEqual([known.status, await known.text()], [304, ""]);
  const head = await fetch(`${url}/files/large.txt`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "1000000"]);
  assert.equal((await fetch(`${url}/files/..%2fetc`)).status, 400);
  assert.equal((await fetch(`${url}/files/missing`)).status, 404);
  assert.equal(rig.meter.calls, 6);
});

test("a body that turns out longer than its route allows is 413, for upstreams and handlers", async (t) => {
  const { url, bodies } = await open(t);
  for (const path of ["/small", "/handler"]) {
    assert.equal((await fetch(url + path, chunked(10_000))).status, 200, path);
    assert.equal((await fetch(url + path, chunked(10_001))).status, 413, path);
    const said = { method: "POST", body: new Uint8Array(10_001) };
    assert.equal((await fetch(url + path, said)).status, 413, path);
  }
  assert.equal((await fetch(`${url}/large`, chunked(1_000_000))).status, 200);
  assert.equal((await fetch(`${url}/large`, chunked(1_000_001))).status, 413);
  assert.deepEqual(bodies, [10_000, 1_000_000]);
});

test("a page may ask before it calls, and reads what it gets", async (t) => {
  const { rig, url } = await open(t);
  const headers = { origin: site, "access-control-request-method": "POST" };
  const preflight = await fetch(`${url}/handler`, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), site);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "POST");
  assert.equal(rig.meter.calls, 0);
  const missing = await fetch(`${url}/nothing`, { headers: { origin: site } });
  assert.deepEqual(
    [missing.status, missing.headers.get("access-control-allow-origin")],
    [404, site],
  );
});
