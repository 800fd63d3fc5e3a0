import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TallygateError } from "../../base/errors.ts";
import { AccessRecord } from "../../gateway/access-record.ts";
import { FakeExchange } from "../../gateway/testing/fake-exchange.ts";
import type { Log } from "../../ports/log.ts";
import { type AccessLog, openAccessLog } from "./access-log.ts";
import { nodeClock } from "./clock.ts";
import { nodeMetrics } from "./metrics.ts";

const log: Log = { info() {}, warn() {}, error() {} };
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-access-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function open(name: string, share = 1) {
  const to = join(folder, name);
  const metrics = nodeMetrics();
  const fields = { region: "sydney", process: 0 };
  return { to, metrics, access: openAccessLog({ to, share, fields, log, metrics }) };
}

function write(access: AccessLog, status: number, target = "/users/7?api-key=secret"): void {
  const exchange = new FakeExchange({ target });
  const startedMs = nodeClock.monotonicMs();
  const of = { exchange, requestId: "r-1", startedMs, clock: nodeClock };
  const record = new AccessRecord(access, of);
  record.key = "k_1";
  record.address = "203.0.113.0/24";
  const [route, plan] = ["/users/{id}", "pro"];
  record.ended({ status, outcome: "admitted", route, plan, bytes: 5, elsewhereMs: 1.5 });
}

function lines(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a request is one JSON line: who, what, how it ended; no query", async () => {
  const { to, access } = open("one.log");
  write(access, 200);
  await access.close();
  const [line = {}] = lines(to);
  const { time, durationMs, ...rest } = line;
  assert.deepEqual(rest, {
    ...{ region: "sydney", process: 0, requestId: "r-1", method: "GET", path: "/users/7" },
    ...{ status: 200, outcome: "admitted", route: "/users/{id}", plan: "pro", key: "k_1" },
    ...{ address: "203.0.113.0/24", bytes: 5, elsewhereMs: 1.5 },
  });
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 10_000);
  assert.equal(typeof durationMs, "number");
});

test("a share of what went well is kept, and of what a flood consists of; every other error is", async () => {
  const { to, access } = open("share.log", 0.25);
  for (let i = 0; i < 100; i++) {
    for (const status of [200, 401, 429, 404, 500, 0]) write(access, status);
  }
  await access.close();
  const kept = new Map<unknown, number>();
  for (const { status } of lines(to)) kept.set(status, (kept.get(status) ?? 0) + 1);
  for (const status of [404, 500, 0]) assert.equal(kept.get(status), 100, `${status}`);
  const sampled = [200, 401, 429].reduce((sum, status) => sum + (kept.get(status) ?? 0), 0);
  assert.equal(sampled, 75);
});

test("after a rotation lines go to a new file of the name, and none is lost", async () => {
  const { to, access } = open("rotated.log");
  write(access, 200);
  while (lines(to).length === 0) await sleep(20);
  renameSync(to, `${to}.1`);
  write(access, 201);
  access.reopen();
  write(access, 202);
  await access.close();
  const all = [...lines(`${to}.1`), ...lines(to)].map(({ status }) => status);
  assert.deepEqual(all, [200, 201, 202]);
});

test("a stop right after a rotation loses no line, also with a write in progress", async () => {
  const { to, access } = open("rotated-late.log");
  write(access, 200);
  while (lines(to).length === 0) await sleep(20);
  renameSync(to, `${to}.1`);
  // Enough for a write at once, which is not over when the rest of this turn is.
  for (let i = 0; i < 100; i++) write(access, 201);
  access.reopen();
  write(access, 202);
  await access.close();
  const all = [...lines(`${to}.1`), ...lines(to)].map(({ status }) => status);
  assert.deepEqual(all, [200, ...new Array<number>(100).fill(201), 202]);
});

test("what a reader does not take in time is dropped and counted, and nobody waits", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  // It holds the pipe open, and does not read.
  const reader = spawn("sh", ["-c", `exec 3<${pipe}; read _ <&0`], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const metrics = nodeMetrics();
  const access = openAccessLog({
    ...{ to: pipe, share: 1, fields: {}, log, metrics },
    bufferMaxBytes: 64 * 1024,
  });
  const startMs = performance.now();
  for (let i = 0; i < 5_000; i++) write(access, 200, `/${"x".repeat(200)}`);
  assert.ok(performance.now() - startMs < 2_000);
  const dropped = /dropped_lines_total (\d+)/.exec(await metrics.expose())?.[1];
  assert.ok(Number(dropped) > 1_000, `${dropped} lines were dropped`);
  await access.close();
  reader.kill();
  await (await openFile(pipe, "r+")).close();
});

test("a file that cannot be written is one clear sentence at the start", () => {
  const metrics = nodeMetrics();
  assert.throws(
    () => openAccessLog({ to: join(folder, "no/such.log"), share: 1, fields: {}, log, metrics }),
    (error) => error instanceof TallygateError && error.code === "file-unwritable",
  );
});
