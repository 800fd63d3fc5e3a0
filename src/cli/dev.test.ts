import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type DevCluster, type DevOptions, startDev } from "./dev.ts";
import type { DevState } from "./dev-state.ts";

const program = fileURLToPath(new URL("./testdata/dev-child.ts", import.meta.url));
const parentProgram = fileURLToPath(new URL("./testdata/dev-parent.ts", import.meta.url));

let folder: string;
let config: string;
let basePort: number;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-dev-"));
  config = join(folder, "tallygate.json");
  writeFileSync(join(folder, "hello.ts"), "export default () => new Response('hello');\n");
  const region = { listen: "127.0.0.1:1", operations: "127.0.0.1:2" };
  const text = JSON.stringify({
    version: 1,
    regions: {
      sydney: region,
      seoul: { listen: "127.0.0.1:3", operations: "127.0.0.1:4", processes: 2 },
    },
    plans: { free: { limits: [{ name: "day", per: "key", quota: 10, window: "day" }] } },
    routes: [{ path: "/", handler: "./hello.ts" }],
  });
  writeFileSync(config, text);
  basePort = await freeBasePort();
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A port with room for `dev`'s others behind it. None of those that the system gives to outgoing connections: it may at any time. */
async function freeBasePort(): Promise<number> {
  for (;;) {
    const port = 28_200 + Math.floor(Math.random() * 4_300);
    const server = createServer().listen({ host: "127.0.0.1", port });
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

function start(options: Partial<DevOptions> = {}): Promise<DevCluster> {
  const data = join(folder, "data");
  const latencies = new Map<string, number>();
  return startDev({ config, data, basePort, latencies, program, onLine: () => {}, ...options });
}

function readState(data = "data"): DevState {
  return JSON.parse(readFileSync(join(folder, data, "dev.json"), "utf8")) as DevState;
}

async function until(what: string, isTrue: () => boolean, withinMs: number): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!isTrue()) {
    assert.ok(performance.now() < deadlineMs, `${what} within ${withinMs} ms`);
    await sleep(5);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

test("once all are ready dev.json says where they are, and a stop leaves nothing", async () => {
  const lines: string[] = [];
  const cluster = await start({ onLine: (name, line) => lines.push(`${name} ${line}`) });
  await cluster.ready;
  const state = readState();
  assert.deepEqual(state, cluster.state());
  assert.equal(statSync(join(folder, "data", "dev.json")).mode & 0o777, 0o600);
  assert.equal(state.token, readFileSync(join(folder, "data", "admin-token"), "utf8").trim());
  assert.equal(state.hub.url, `http://127.0.0.1:${basePort}`);
  assert.equal(state.regions["sydney"]?.url, `http://127.0.0.1:${basePort + 1}`);
  assert.equal(state.regions["sydney"]?.operations, `http://127.0.0.1:${basePort + 101}`);
  assert.equal(state.regions["seoul"]?.url, `http://127.0.0.1:${basePort + 2}`);
  const operations = state.regions["seoul"]?.processes?.map((process) => process.operations);
  const ports = [basePort + 102, basePort + 103];
  assert.deepEqual(
    operations,
    ports.map((port) => `http://127.0.0.1:${port}`),
  );
  await cluster.stop();
  assert.ok(lines.includes("sydney error: loud n=1"), lines.join("\n"));
  assert.ok(!lines.some((line) => line.includes("quiet")), lines.join("\n"));
  assert.ok(!isAlive(state.hub.pid));
  assert.ok(!existsSync(join(folder, "data", "dev.json")));
});

test("a killed process is started again, each of three times, and dev.json follows", async () => {
  const cluster = await start();
  await cluster.ready;
  try {
    for (let i = 0; i < 3; i++) {
      const before = readState();
      const { pid } = before.regions["sydney"] ?? assert.fail("no sydney");
      process.kill(pid, "SIGKILL");
      await until("started again", () => readState().regions["sydney"]?.pid !== pid, 20_000);
      const reply = await fetch(readState().regions["sydney"]?.url ?? "");
      assert.equal(reply.status, 200);
      assert.equal(readState().hub.pid, before.hub.pid);
    }
  } finally {
    await cluster.stop();
  }
});

test("a port in use, a second dev, a wrong configuration and an unknown region start nothing", async () => {
  const cluster = await start();
  await cluster.ready;
  const { pid } = cluster.state().hub;
  try {
    await assert.rejects(start(), { code: "data-in-use" });
    const elsewhere = { data: join(folder, "other") };
    await assert.rejects(start(elsewhere), (error: { code: string; detail: string }) => {
      assert.equal(error.code, "port-in-use");
      assert.match(error.detail, new RegExp(`127\\.0\\.0\\.1:${basePort + 1}`));
      return true;
    });
    await assert.rejects(start({ latencies: new Map([["perth", 1]]) }), { code: "usage-wrong" });
    const broken = join(folder, "broken.json");
    writeFileSync(broken, "{}");
    await assert.rejects(start({ config: broken }), { code: "config-invalid" });
    assert.ok(isAlive(pid));
    assert.equal(readState().hub.pid, pid);
  } finally {
    await cluster.stop();
  }
});

test("a process that fails at the start stops everything, with its own sentence as the reason", async () => {
  process.env["DEV_CHILD_FAILS"] = "seoul";
  try {
    const cluster = await start();
    await assert.rejects(cluster.ready, (error: { code: string; detail: string }) => {
      assert.equal(error.code, "process-failed");
      assert.match(error.detail, /^seoul\/\d: The data is damaged: as the test wished$/);
      return true;
    });
    const { hub, regions } = cluster.state();
    // Their pids are told only once they are ready.
    for (const url of [hub.url, regions["sydney"]?.url ?? ""]) assert.ok(!(await answers(url)));
  } finally {
    delete process.env["DEV_CHILD_FAILS"];
  }
});

test("children end within a second when dev is killed, and the next one starts right after", async () => {
  const data = join(folder, "killed");
  const parent = spawn(process.execPath, [parentProgram, config, data, String(basePort)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(parent.stdout, "data", { signal: AbortSignal.timeout(10_000) });
  const { hub, regions } = readState("killed");
  const urls = [
    hub.url,
    ...Object.values(regions).flatMap(({ url, operations }) => [url, operations]),
  ];
  parent.kill("SIGKILL");
  const deadlineMs = performance.now() + 1_000;
  // Asked of the ports: in a container nobody may reap the children, and their pids live on.
  while ((await Promise.all(urls.map(answers))).includes(true)) {
    assert.ok(performance.now() < deadlineMs, "all gone within a second");
  }
  const cluster = await start({ data });
  await cluster.ready;
  await cluster.stop();
});
