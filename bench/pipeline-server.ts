/**
 * The request path alone, for `bench/pipeline.ts`: pipeline, meter and listener without hub and view.
 * `JOURNAL=memory` stores at the end of each turn and writes nothing; `os` and `disk` are the real one.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatApiKey, hashApiKey } from "../src/access/api-key.ts";
import { compileConfig } from "../src/access/config.ts";
import { encodeKeyRecord, unrestricted } from "../src/access/key-record.ts";
import { keyTable } from "../src/access/key-table.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../src/adapters/node/clock.ts";
import { nodeHandlerHost } from "../src/adapters/node/handler-host.ts";
import { listenHttp } from "../src/adapters/node/http-listener.ts";
import { nodeMetrics } from "../src/adapters/node/metrics.ts";
import { upstreamNetwork } from "../src/adapters/node/upstream-client.ts";
import { openJournal } from "../src/adapters/sqlite/journal.ts";
import { assert } from "../src/base/assert.ts";
import { hashKeyFromHex } from "../src/base/hash.ts";
import { Meter } from "../src/gateway/meter.ts";
import { NodeTime } from "../src/gateway/node-time.ts";
import { OwnCharges } from "../src/gateway/own-charges.ts";
import { Pipeline } from "../src/gateway/pipeline.ts";
import { RefusalTally } from "../src/gateway/refusal-tally.ts";
import { MemoryJournal } from "../src/gateway/testing/memory-journal.ts";
import { UpstreamSet } from "../src/gateway/upstream-set.ts";
import { HeldCounters } from "../src/limits/held-counters.ts";
import { WindowTables } from "../src/limits/window-tables.ts";
import type { Journal } from "../src/ports/journal.ts";
import { apiKeyField } from "./peers/contender.ts";

/** The same key at every start: the driver sends it. */
export const benchKey = formatApiKey({
  prefix: "bench",
  mode: "live",
  entropy: new Uint8Array(20).fill(7),
});

const flushIntervalMs = 50;

/** Stores at the end of the turn, keeps nothing. */
class TurnJournal extends MemoryJournal {
  #position = 0;
  #isScheduled = false;
  #onStored: (position: number) => void = () => {};

  override append(): number {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      nodeTimers.atTurnEnd(() => {
        this.#isScheduled = false;
        this.storedPosition = this.#position;
        this.#onStored(this.#position);
      });
    }
    return ++this.#position;
  }

  override onStored(listener: (position: number) => void): void {
    this.#onStored = listener;
  }

  override async seal(): Promise<void> {}
}

function configuration(upstream: string | undefined) {
  const quota = 1_000_000_000_000;
  const limit = (window: string): object => ({ name: window, per: "key", quota, window });
  const handler = join(import.meta.dirname, "peers", "handler.ts");
  const text = JSON.stringify({
    version: 1,
    regions: { bench: { listen: "127.0.0.1:1", operations: "127.0.0.1:2" } },
    hub: { listen: "127.0.0.1:3" },
    keys: { prefix: "bench", from: [`header:${apiKeyField}`] },
    plans: { bench: { limits: ["second", "minute", "day", "month"].map(limit) } },
    ...(upstream !== undefined && { upstreams: { service: { targets: [upstream] } } }),
    routes: [
      upstream === undefined ? { path: "/{ip}", handler } : { path: "/{ip}", upstream: "service" },
    ],
  });
  const compiled = compileConfig(text, {
    file: "/bench.json",
    format: "json",
    environment: {},
    fileExists: () => true,
  });
  assert("config" in compiled, "a valid configuration");
  return compiled.config;
}

async function journalOf(kind: string, folder: string): Promise<Journal> {
  if (kind === "memory") return new TurnJournal();
  const durability = kind === "disk" ? "disk" : "os";
  return openJournal({ file: join(folder, "journal.db"), durability, sizeMaxBytes: 2 ** 31 });
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-pipeline-"));
  const journal = await journalOf(process.env["JOURNAL"] ?? "memory", folder);
  const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");
  const table = keyTable({ hashKey });
  const now = Date.now();
  const record = encodeKeyRecord({
    hash: hashApiKey(benchKey),
    keyId: "k_0123456789abcdefghijkl",
    plan: "bench",
    owner: "acme",
    name: "",
    createdAtMs: now,
    changedAtMs: now,
    expiresAtMs: 0,
    anchorDay: 1,
    ownerAnchorDay: 1,
    restrict: unrestricted,
    version: 1,
    revoked: false,
  });
  table.apply(record, 0, record.length);
  const tables = new WindowTables("bench");
  const own = new OwnCharges();
  const time = new NodeTime(nodeClock);
  const meter = new Meter({
    journal,
    region: "bench",
    tables: () => tables,
    own: () => own,
    listener: {
      // As if every batch were covered at once.
      sealed: (seq) => void journal.trim(journal.incarnation, seq),
      failed: (cause) => console.error(cause),
    },
  });
  const credentials = { hashKey, table };
  const config = configuration(process.env["UPSTREAM"]);
  const metrics = nodeMetrics({ labels: { region: "bench" } });
  const log = {
    info: () => {},
    warn: (message: string, fields?: object) => console.error(message, fields),
    error: (message: string, fields?: object, cause?: unknown) =>
      console.error(message, fields, cause),
  };
  const upstreams = new UpstreamSet("bench", {
    network: upstreamNetwork(log),
    clock: nodeClock,
    timers: nodeTimers,
    random: nodeRandom,
    log,
    metrics,
  });
  const pipeline = await Pipeline.create(
    {
      region: "bench",
      meter,
      leases: { held: new HeldCounters(), demand: () => {} },
      refusals: new RefusalTally(),
      time,
      tables: () => tables,
      publicStatus: () => undefined,
      viewAgeMs: () => 0,
      cutOffMs: () => 0,
      credentials: () => credentials,
      unready: () => "",
      upstreams,
      handlers: nodeHandlerHost(),
      clock: nodeClock,
      timers: nodeTimers,
      random: nodeRandom,
      log,
      metrics,
    },
    config,
  );
  journal.onStored((position) => pipeline.stored(position));
  const flush = nodeTimers.every(flushIntervalMs, () => void meter.flush(time.nowMs()));
  const port = Number(process.env["PORT"]);
  const listener = await listenHttp(
    {
      ...{ host: "127.0.0.1", port, sharesPort: true },
      limits: () => config.listener,
      groupOf: (address) => address,
    },
    pipeline,
  );
  process.once("SIGTERM", () => {
    void (async () => {
      await listener.stop(1_000);
      flush.cancel();
      pipeline.stop();
      await upstreams.close();
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    })();
  });
}

if (import.meta.main) await main();
