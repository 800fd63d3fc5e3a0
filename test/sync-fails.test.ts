/**
 * T9: syncs of a gateway's journal fail (EIO) under load, with durability `disk`. While they do, no call is answered 200; afterwards the
 * gateway serves again by itself; after kill -9, whenever it comes, everything that was answered is counted. With durability `os` they
 * hold up batches alone.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sealMsMax } from "../src/adapters/sqlite/journal.ts";
import { CallLedger } from "./support/call-ledger.ts";
import { until } from "./support/cluster.ts";
import { assertExact } from "./support/exactness.ts";
import { FailingSync } from "./support/failing-sync.ts";
import { Fleet } from "./support/fleet.ts";

const runs = process.env["TALLYGATE_LONG"] === "1" ? 50 : 3;
const region = "sydney";
const perSecond = 120;
const failingMs = 400;
const calmMs = 200;
const servesMsMax = 5_000;

const support = join(import.meta.dirname, "support");
const plans = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";

describe("failing syncs", () => {
  const disk = FailingSync.make();
  let fleet: Fleet | undefined;

  before(async () => {
    if (typeof disk === "string") return;
    fleet = await Fleet.start(plans, {
      regions: [region],
      config: { top: "durability: disk" },
      environment: (name) => (name === region ? disk.environment : {}),
    });
  });

  after(async () => {
    await fleet?.stop();
    if (typeof disk !== "string") disk.remove();
  });

  test("acknowledge nothing, end nothing and lose nothing that was acknowledged", async (t) => {
    if (typeof disk === "string") return t.skip(`failing syncs are NOT tested here: ${disk}`);
    assert.ok(fleet);
    const { key, id } = await fleet.createKnownKey("huge");
    const target = { region, url: fleet.url(region) };
    const ledger = new CallLedger({ targets: [target], keys: [key], perSecond, connections: 8 });
    const failing = { syncs: 0, calls: 0, slowestMs: 0 };
    ledger.start();
    try {
      for (let i = 0; i < runs; i++) {
        await sleep(calmMs);
        const found = await failForAWhile(disk, ledger);
        failing.syncs += found.syncs;
        failing.calls += found.calls;
        // Every other time it is killed while the disk fails.
        if (i % 2 === 1) await fleet.end(region, "SIGKILL");
        // A few more failures and then none: the last of them is followed by a sync that succeeds.
        disk.fail(i % 4);
        if (i % 2 === 0) {
          const serves = async (): Promise<boolean> => (await ledger.probe(target)) === 200;
          const ms = await until(serves, servesMsMax, "the gateway to serve again by itself");
          failing.slowestMs = Math.max(failing.slowestMs, ms);
          await until(() => disk.left === 0, servesMsMax, "all failures to have happened");
          await sleep(calmMs);
          await fleet.end(region, "SIGKILL");
        }
        disk.fail(0);
        await fleet.startGateway(region);
      }
      await sleep(calmMs);
    } finally {
      await ledger.stop();
    }
    assert.ok(failing.calls > 0 && failing.syncs > 0, "calls came while syncs failed");
    const counted = await assertExact(fleet, ledger, new Map([[key, id]]));
    t.diagnostic(
      `figure: ${runs} times failing syncs and kill -9: ${failing.syncs} failed, ${failing.calls} calls meanwhile, 0 answered 200; ` +
        `${counted.total} counted, ${counted.acked} answered, under-count 0; serves again after ${Math.round(failing.slowestMs)} ms at most`,
    );
  });
});

describe("durability os, while the log of the journal is synced", () => {
  const disk = FailingSync.make();
  const folder = mkdtempSync(join(tmpdir(), "tallygate-sync-"));
  const hold = join(folder, "hold");
  const syncMs = 300;
  let journals = 0;

  after(() => {
    rmSync(folder, { recursive: true });
    if (typeof disk !== "string") disk.remove();
  });

  /** A journal of its own; `said`: what it has printed so far. */
  async function run(during: (said: () => string) => Promise<void>): Promise<void> {
    assert.ok(typeof disk !== "string");
    const file = join(folder, `${++journals}`, "journal.db");
    const program = spawn(process.execPath, [join(support, "seal-writer.ts"), file], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...{ ...process.env, ...disk.environment },
        ...{ TALLYGATE_SYNC_MS: String(syncMs), TALLYGATE_HOLD_SYNCS: hold },
      },
    });
    let said = "";
    program.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    try {
      await during(() => said);
    } finally {
      const ended = once(program, "exit");
      program.kill("SIGKILL");
      await ended;
    }
  }

  test("charges are stored meanwhile", async (t) => {
    if (typeof disk === "string") return t.skip(`slow syncs are NOT tested here: ${disk}`);
    await run(async (said) => {
      await until(async () => said().includes("sealed"), servesMsMax, "the batch to be sealed");
      await until(async () => said().includes("readable"), servesMsMax, "it to be read");
      const [before = ""] = said().split("sealed");
      assert.ok(!before.includes("readable"), "a batch can be read that is not on disk");
      assert.ok(Number(/sealed (\d+)/.exec(said())?.[1]) >= syncMs);
      const waits = [...before.matchAll(/stored \d+ ([\d.]+)/g)].map(([, ms]) => Number(ms));
      assert.ok(waits.length > 20, `${waits.length} stored`);
      const slow = waits.filter((ms) => ms > syncMs / 3);
      assert.equal(slow.length, 0, `${slow.join()} ms`);
    });
  });

  test("a batch is sealed only when a sync has succeeded", async (t) => {
    if (typeof disk === "string") return t.skip(`failing syncs are NOT tested here: ${disk}`);
    await run(async (said) => {
      await until(async () => said().includes("stored"), servesMsMax, "the journal to begin");
      disk.fail();
      await until(async () => said().includes("state failing"), servesMsMax, "a failure");
      const { length } = said();
      await sleep(2 * syncMs);
      assert.ok(!said().slice(length).includes("sealed"));
      disk.fail(0);
      await until(
        async () => said().slice(length).includes("sealed"),
        servesMsMax,
        "the batch to be sealed",
      );
      await until(
        async () => said().includes("state ok"),
        servesMsMax,
        "charges to be taken again",
      );
    });
  });

  test("no charges are taken while a seal waits for too long", {
    skip: process.env["TALLYGATE_LONG"] !== "1" && "takes as long: npm run test:long",
  }, async (t) => {
    if (typeof disk === "string") return t.skip(`slow syncs are NOT tested here: ${disk}`);
    const stored = (text: string): number => text.split("stored").length - 1;
    await run(async (said) => {
      await until(async () => said().includes("sealed"), servesMsMax, "the batch to be sealed");
      writeFileSync(hold, "");
      await sleep(sealMsMax - 1_000);
      const before = stored(said());
      await sleep(500);
      assert.ok(stored(said()) > before, "charges are taken until then");
      await sleep(2_000);
      const last = stored(said());
      await sleep(500);
      assert.equal(stored(said()), last, "and none after");
      rmSync(hold);
      await until(async () => stored(said()) > last, servesMsMax, "charges to be taken again");
    });
  });
});

/** Fails if a call that is sent while all syncs fail is answered 200 before that ends. */
async function failForAWhile(
  disk: FailingSync,
  ledger: CallLedger,
): Promise<{ readonly syncs: number; readonly calls: number }> {
  disk.fail();
  // A sync under way when the failures began may cover what was written before it.
  await until(() => disk.failed > 0, servesMsMax, "a sync to fail");
  const fromMs = performance.now();
  const sentBefore = ledger.sent;
  await sleep(failingMs);
  const syncs = disk.failed;
  const toMs = performance.now();
  const acknowledged = ledger.answered.filter(
    ({ status, sentMs, dueMs, latencyMs }) =>
      status === 200 && sentMs >= fromMs && dueMs + latencyMs <= toMs,
  );
  assert.equal(acknowledged.length, 0, "calls answered 200 although no sync succeeded");
  return { syncs, calls: ledger.sent - sentBefore };
}
