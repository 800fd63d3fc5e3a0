/**
 * The admin API of real processes: tokens and audit log survive the hub's death, every key has its entry whatever the
 * moment of it, reports agree, and nothing that happens here is felt at a gateway.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { settleMs } from "../src/control/event-watch.ts";
import { until } from "./support/cluster.ts";
import { Fleet } from "./support/fleet.ts";

let fleet: Fleet;
before(async () => {
  const plans = "pro: { limits: [{ name: month, per: key, quota: 1000000, window: month }] }";
  fleet = await Fleet.start(plans, { regions: ["sydney", "seoul"] });
});
after(() => fleet?.stop());

/** The hub gives regions a moment after its start before it calls one down. */
let settledAtMs = 0;

async function startHub(): Promise<void> {
  await fleet.startHub();
  settledAtMs = performance.now() + settleMs;
}

const adminToken = (): string => readFileSync(join(fleet.data, "admin-token"), "utf8").trim();

async function get(path: string, token: string, method = "GET"): Promise<Response> {
  return fetch(`${fleet.hubUrl}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
}

async function read<T>(path: string): Promise<T> {
  const { status, json } = await fleet.api("GET", path);
  assert.equal(status, 200, JSON.stringify(json));
  return json as T;
}

interface Audit {
  readonly entries: { readonly action: string; readonly target: string }[];
}

/** Ids of keys, and those that the audit log says were made. */
async function keysAndEntries(): Promise<[string[], string[]]> {
  const { keys } = await read<{ keys: { id: string }[] }>("/v1/keys?limit=1000");
  const { entries } = await read<Audit>("/v1/audit?limit=1000");
  const made = entries.filter(({ action }) => action === "createKey").map(({ target }) => target);
  return [keys.map(({ id }) => id).sort(), made.sort()];
}

test("whenever the hub is killed, each key has its entry and each entry its key", async () => {
  for (let round = 0; round < 3; round++) {
    let isKilled = false;
    const told: string[] = [];
    const creating = Array.from({ length: 4 }, async () => {
      while (!isKilled) {
        try {
          const { json } = await fleet.api("POST", "/v1/keys", { plan: "pro" });
          const { id, key } = json as { id: string; key: string };
          fleet.issuedKeys.add(key);
          told.push(id);
        } catch {
          return;
        }
      }
    });
    await until(() => told.length > 10 * (round + 1), 10_000, "keys to be made");
    await fleet.end("hub", "SIGKILL");
    isKilled = true;
    await Promise.all(creating);
    await startHub();
    const [keys, entries] = await keysAndEntries();
    assert.deepEqual(entries, keys);
    for (const id of told) assert.ok(keys.includes(id), `${id} was told and is gone`);
  }
  const checked = await fleet.command("audit", "check");
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
});

test("a read-only token outlives the hub's death and its own revocation does too; gateways know of neither", async () => {
  const { key } = await fleet.createKnownKey("pro");
  const made = await fleet.command("tokens", "create", "--name", "grafana", "--json");
  const { id, token } = JSON.parse(made.stdout) as { id: string; token: string };
  fleet.issuedKeys.add(token);
  await fleet.end("hub", "SIGKILL");
  assert.equal(await fleet.call("seoul", key), 200);
  await startHub();
  assert.equal((await get("/v1/status", token)).status, 200);
  assert.equal((await get("/metrics", token)).status, 200);
  assert.equal((await get("/v1/verify", token, "POST")).status, 403);
  assert.equal(await fleet.call("seoul", token), 401);
  assert.equal((await fleet.command("tokens", "revoke", id)).code, 0);
  assert.equal((await get("/v1/status", token)).status, 401);
  await fleet.end("hub", "SIGKILL");
  await startHub();
  assert.equal((await get("/v1/status", token)).status, 401);
});

interface Row {
  readonly value: string;
  readonly calls: number;
}

test("pages, CSV, JSON lines and the command line tell the same numbers", async () => {
  const callers: { readonly id: string; readonly key: string }[] = [];
  for (let i = 0; i < 3; i++) callers.push(await fleet.createKnownKey("pro"));
  for (const [i, { key }] of callers.entries()) {
    for (let n = 0; n <= i; n++) await fleet.call(n % 2 ? "sydney" : "seoul", key);
  }
  const expected = callers.map(({ id }, i) => `${id} ${i + 1}`).sort();
  const mine = (rows: readonly Row[]): string[] => {
    const ids = callers.map(({ id }) => id);
    const own = rows.filter(({ value }) => ids.includes(value));
    return own.map(({ value, calls }) => `${value} ${calls}`).sort();
  };
  const paged = async (): Promise<Row[]> => {
    const rows: Row[] = [];
    let next: string | null = "";
    while (next !== null) {
      const cursor = next === "" ? "" : `&cursor=${next}`;
      const page: { rows: Row[]; next: string | null } = await read(`/v1/usage?limit=1${cursor}`);
      rows.push(...page.rows);
      ({ next } = page);
    }
    return rows;
  };
  await until(async () => mine(await paged()).join() === expected.join(), 10_000, "all calls");
  const document = async (query: string): Promise<string[]> => {
    const response = await get(`/v1/usage?${query}`, adminToken());
    return (await response.text()).trimEnd().split(/\r?\n/);
  };
  const csv = (await document("format=csv")).slice(1).map((line) => line.split(","));
  assert.deepEqual(
    mine(csv.map(([, value = "", calls]) => ({ value, calls: Number(calls) }))),
    expected,
  );
  const lines = (await document("format=jsonl")).map((line) => JSON.parse(line) as Row);
  assert.deepEqual(mine(lines), expected);
  const printed = await fleet.command("usage", "--jsonl");
  assert.deepEqual(
    mine(
      printed.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Row),
    ),
    expected,
  );
});

/** Issue row 3. */
const toldMsMax = 5_000;

test("a region that stands still and goes on is told within five seconds", async (t) => {
  await sleep(Math.max(0, settledAtMs - performance.now()));
  const aborted = new AbortController();
  const response = await fetch(`${fleet.hubUrl}/v1/events`, {
    headers: { authorization: `Bearer ${adminToken()}`, accept: "text/event-stream" },
    signal: aborted.signal,
  });
  let told = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) told += decoder.decode(piece as Uint8Array);
  })().catch(() => undefined);
  const timed = async (signal: "SIGSTOP" | "SIGCONT", detail: string): Promise<number> => {
    // It may have been told before.
    told = "";
    const sinceMs = performance.now();
    fleet.signal("seoul", signal);
    const isTold = () => told.includes(`"subject":"seoul","detail":"${detail}"`);
    await until(isTold, 30_000, `seoul to be ${detail}`);
    return Math.round(performance.now() - sinceMs);
  };
  const downMs = await timed("SIGSTOP", "down");
  const upMs = await timed("SIGCONT", "up");
  t.diagnostic(`figure: down told after ${downMs} ms, up after ${upMs} ms`);
  assert.ok(downMs <= toldMsMax && upMs <= toldMsMax, `${downMs} ms, ${upMs} ms`);
  aborted.abort();
  await reading;
  const { events } = await read<{ events: { detail: string }[] }>(
    "/v1/events?subject=seoul&limit=2",
  );
  assert.deepEqual(
    events.map(({ detail }) => detail),
    ["up", "down"],
  );
});

test("who guesses tokens is held back at the hub, and calls go on", async () => {
  const { key } = await fleet.createKnownKey("pro");
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await get("/v1/status", `guess-number-${i}`)).status);
  assert.deepEqual([statuses.indexOf(429) >= 20, statuses.at(-1)], [true, 429]);
  assert.equal((await get("/v1/status", adminToken())).status, 429);
  for (let i = 0; i < 10; i++) assert.equal(await fleet.call("sydney", key), 200);
  assert.equal((await fetch(`${fleet.hubUrl}/health/ready`)).status, 200);
  await sleep(Number((await get("/v1/status", adminToken())).headers.get("retry-after")) * 1_000);
  assert.equal((await get("/v1/status", adminToken())).status, 200);
});
