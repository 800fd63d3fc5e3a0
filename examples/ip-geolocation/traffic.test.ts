import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startTraffic, zipf } from "./traffic.ts";

async function listen(t: TestContext, onRequest: (_: IncomingMessage) => object): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(onRequest(request)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the first are met most, the last now and then, none beyond", () => {
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i++) (counts[zipf(10)] as number)++;
  assert.ok(counts.every((count) => count > 100));
  assert.ok((counts[0] as number) > 3 * (counts[9] as number));
  assert.equal(counts.length, 10);
});

test("calls come to every region, with keys and without, from several addresses, at about the rate", async (t) => {
  const seen = { keys: new Set(), addresses: new Set(), regions: new Set(), referers: new Set() };
  let enough: () => void = () => {};
  let calls = 0;
  const open = ["a", "b", "c"].map((name) =>
    listen(t, (request) => {
      calls++;
      seen.regions.add(name);
      seen.keys.add(request.headers["x-api-key"]);
      seen.addresses.add(request.socket.remoteAddress);
      seen.referers.add(request.headers.referer);
      if (calls === 300) enough();
      return {};
    }),
  );
  const regions = await Promise.all(open);
  const arrived = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const startedMs = performance.now();
  const traffic = startTraffic({ regions, keys: ["k1", "k2"], callsPerSecond: 1000 });
  await arrived;
  traffic.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  assert.ok(traffic.sent() <= 1000 * seconds + 200, `${traffic.sent()} calls in ${seconds} s`);
  assert.deepEqual([...seen.regions].sort(), ["a", "b", "c"]);
  assert.deepEqual([...seen.keys].sort(), ["k1", "k2", undefined]);
  assert.ok(seen.referers.size > 1);
  if (process.platform === "linux") assert.ok(seen.addresses.size > 5);
});

test("as a process it makes its keys, calls, and stops when the one that started it is killed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-traffic-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const made: unknown[] = [];
  let called: (key: unknown) => void = () => {};
  const hubUrl = await listen(t, (request) => {
    made.push(request.headers["idempotency-key"], request.headers.authorization);
    return { id: "k_1", key: "secret-of-a-key" };
  });
  const regionUrl = await listen(t, (request) => {
    const key = request.headers["x-api-key"];
    if (key !== undefined) called(key);
    return {};
  });
  const usedKey = new Promise((resolve) => {
    called = resolve;
  });
  const dev = { hub: { url: hubUrl }, regions: { sydney: { url: regionUrl } }, token: "t" };
  writeFileSync(join(folder, "dev.json"), JSON.stringify(dev));
  const script = new URL("traffic.ts", import.meta.url).pathname;
  const source = `
    require("node:child_process").spawn(process.execPath, ${JSON.stringify([script, "--data", folder])}, { stdio: "inherit" });
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  assert.equal(await usedKey, "secret-of-a-key");
  assert.deepEqual(made.slice(0, 2), ["example-traffic-weatherly", "Bearer t"]);
  parent.kill("SIGKILL");
  // The grandchild holds the parent's standard output: its end is the end of both.
  parent.stdout.resume();
  await once(parent.stdout, "close");
});
