/**
 * The configuration is changed again and again under load: no call fails, none is counted wrongly, each is answered by one version of
 * the configuration, and a wrong file changes nothing.
 */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./support/call-ledger.ts";
import { until } from "./support/cluster.ts";
import { regionNames } from "./support/configs.ts";
import { assertExact } from "./support/exactness.ts";
import { Fleet } from "./support/fleet.ts";
import { readMetrics } from "./support/metrics.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const reloads = isLong ? 200 : 6;
const calmMs = isLong ? 200 : 100;
/** Until the first calls of a strict key have brought enough of its quota to every region. */
const warmUpMs = 1_500;
/** To all regions together. */
const perSecond = 300;
const connectionsPerRegion = 16;
/** Far above what is used; the version is added, so that a reply says which one decided about it. */
const quotaBase = 1_000_000_000;

let fleet: Fleet;

/** Version `n` of the configuration: its quota, and its handler, say so. */
function version(n: number, more: { plans?: string; wrong?: boolean } = {}) {
  const quota = more.wrong === true ? -1 : quotaBase + n;
  const plans = [
    `huge: { limits: [{ name: month, per: key, quota: ${quota}, window: month }] }`,
    `exact: { limits: [{ name: month, per: key, quota: ${quota}, window: month, enforcement: strict }] }`,
    ...(more.plans === undefined ? [] : [more.plans]),
  ];
  const routes = [
    // Another place in the file for the same route, every other time.
    ...(n % 2 === 0 ? [] : [`- { path: "/only-odd", handler: ./hello.mjs }`]),
    `- { path: "/", handler: ./hello.mjs }`,
    `- { path: "/version", handler: ./version-${n % 2}.ts }`,
  ];
  return { plans: plans.join("\n  "), routes: routes.join("\n  ") };
}

before(async () => {
  const { plans, routes } = version(0);
  const parity = (n: number): string => `export default () => new Response("${n}");\n`;
  fleet = await Fleet.start(plans, {
    config: { routes },
    files: { "version-0.ts": parity(0), "version-1.ts": parity(1) },
  });
});

after(() => fleet?.stop());

interface Status {
  readonly rulesVersion: string;
  readonly warnings: readonly string[];
  readonly regions: readonly { readonly processes: readonly { readonly rulesVersion: string }[] }[];
}

async function status(): Promise<Status> {
  return (await fleet.api("GET", "/v1/status")).json as Status;
}

/** Resolves when hub and gateways run with the same version, which is not `before`. */
async function taken(before: string): Promise<string> {
  let seen = before;
  const isTaken = async (): Promise<boolean> => {
    const { rulesVersion, regions } = await status();
    seen = rulesVersion;
    const all = regions.flatMap(({ processes }) => processes.map((of) => of.rulesVersion));
    return seen !== before && all.length === 3 && all.every((one) => one === seen);
  };
  await until(isTaken, 10_000, `all to take a changed file\n${fleet.output.slice(-20_000)}`);
  return seen;
}

/** Of one gateway. */
async function reloadsOf(result: "taken" | "refused"): Promise<number> {
  const samples = await readMetrics(`${fleet.operations("sydney")}/metrics`);
  return samples.get(`tallygate_config_reloads_total{result="${result}"}`) ?? 0;
}

function hangUp(): void {
  for (const name of ["hub", ...regionNames]) fleet.signal(name, "SIGHUP");
}

/** Calls one after the other: the quota and the handler of each answer must be of one version. */
async function watchVersions(key: string, stop: AbortSignal): Promise<number> {
  let versions = 0;
  for (let n = 0; !stop.aborted; n++) {
    const region = regionNames[n % regionNames.length] as string;
    const url = `${fleet.url(region)}/version`;
    const response = await fetch(url, { headers: { "x-api-key": key } });
    const body = await response.text();
    assert.equal(response.status, 200, body);
    const quota = Number(/q=(\d+)/.exec(response.headers.get("ratelimit-policy") ?? "")?.[1]);
    assert.equal(Number(body), (quota - quotaBase) % 2, `quota ${quota}, handler ${body}`);
    versions++;
  }
  return versions;
}

test(`${reloads} reloads under load: no call fails, none is lost, each is of one version`, async (t) => {
  const keys = new Map<string, string>();
  for (const plan of ["huge", "exact"]) {
    const { key, id } = await fleet.createKnownKey(plan);
    keys.set(key, id);
    for (const region of regionNames) {
      // Of a strict quota every region holds some before the load begins.
      await until(async () => (await fleet.call(region, key)) === 200, 10_000);
    }
  }
  const counted0 = new Map([...keys.keys()].map((key) => [key, { acked: 0, unknown: 0 }]));
  const watched = await fleet.createKnownKey("huge");
  const ledger = new CallLedger({
    targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
    ...{ keys: [...keys.keys()], perSecond, connections: connectionsPerRegion, books: counted0 },
  });
  // The calls of the warm-up are in the books, too.
  for (const [key, book] of counted0) {
    book.acked = await usedOf(key);
  }
  ledger.start();
  await sleep(warmUpMs);
  const before = JSON.stringify([...ledger.others]);
  const stop = new AbortController();
  const watching = watchVersions(watched.key, stop.signal);
  let now = (await status()).rulesVersion;
  for (let n = 1; n <= reloads; n++) {
    if (n % 5 === 0) {
      fleet.configure(version(n, { wrong: true }));
      const refusals = await reloadsOf("refused");
      hangUp();
      await until(async () => (await reloadsOf("refused")) > refusals, 10_000, "a refusal");
      assert.equal((await status()).rulesVersion, now, "a wrong file changes nothing");
    }
    fleet.configure(version(n));
    // Noticed by itself, or told.
    if (n % 2 === 0) hangUp();
    now = await taken(now);
    await sleep(calmMs);
  }
  stop.abort();
  const answers = await watching;
  await ledger.stop();
  assert.equal(JSON.stringify([...ledger.others]), before, "no call fails");
  assert.deepEqual([...ledger.refused, ...ledger.broken], [], "no call is dropped");
  const counted = await assertExact(fleet, ledger, keys);
  assert.equal(counted.over, 0);
  assert.ok((await reloadsOf("taken")) >= reloads);
  t.diagnostic(`${answers} answers were of one version each`);
  t.diagnostic(`figure: ${reloads} reloads, 0 of ${counted.acked} calls failed, 0 charges lost`);
});

async function usedOf(key: string): Promise<number> {
  let used = 0;
  const agree = async (): Promise<boolean> => {
    const all = await Promise.all(
      regionNames.map(async (region) => (await fleet.usage(region, key))?.limits[0]?.used ?? 0),
    );
    used = all[0] as number;
    return used >= regionNames.length && all.every((one) => one === used);
  };
  await until(agree, 5_000, "the regions to agree");
  return used;
}

for (const enforcement of ["soft", "strict"]) {
  test(`a raised quota of a ${enforcement} limit is there at once and keeps what was used`, async () => {
    const small = (quota: number): string =>
      `small-${enforcement}: { limits: [{ name: month, per: key, quota: ${quota}, window: month, enforcement: ${enforcement} }] }`;
    let now = (await status()).rulesVersion;
    fleet.configure(version(0, { plans: small(3) }));
    now = await taken(now);
    const { key } = await fleet.createKnownKey(`small-${enforcement}`);
    let admitted = 0;
    await until(async () => {
      const answer = await fleet.call("sydney", key);
      if (answer === 200) admitted++;
      return answer === 429;
    }, 10_000);
    assert.ok(admitted <= 3);
    fleet.configure(version(0, { plans: small(10) }));
    now = await taken(now);
    const startMs = performance.now();
    await until(async () => (await fleet.call("sydney", key)) === 200, 5_000);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 3_000, `admitted ${Math.round(tookMs)} ms after the hub took it`);
    const limit = (await fleet.usage("sydney", key))?.limits[0];
    assert.equal(limit?.quota, 10);
    assert.equal(limit?.used, admitted + 1);
  });
}

test("an upload that is under way during a reload arrives as a whole, and no process ends", async (t) => {
  const upstream = createServer((incoming, response) => void incoming.pipe(response));
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  t.after(() => upstream.close());
  const { port } = upstream.address() as AddressInfo;
  const echo = (n: number) => {
    const { plans, routes } = version(n);
    const top = `upstreams: { echo: { targets: ["http://127.0.0.1:${port}"] } }`;
    return { plans, top, routes: `${routes}\n  - { path: "/echo", upstream: echo }` };
  };
  fleet.configure(echo(0));
  const now = await taken((await status()).rulesVersion);
  const { key } = await fleet.createKnownKey("huge");
  const pid = fleet.pid("sydney");
  const upload = request(`${fleet.url("sydney")}/echo`, {
    method: "POST",
    headers: { "x-api-key": key, "content-length": 6 },
  });
  const replied = new Promise<IncomingMessage>((resolve, reject) => {
    upload.on("response", resolve).on("error", reject);
  });
  upload.write("one");
  // Until the call is in there is nothing to go on.
  await until(async () => (await fleet.usage("sydney", key))?.limits[0]?.used === 1, 5_000);
  fleet.configure(echo(1));
  await taken(now);
  upload.end("two");
  const reply = await replied;
  let text = "";
  for await (const part of reply) text += part;
  assert.deepEqual([reply.statusCode, text], [200, "onetwo"]);
  assert.equal(fleet.pid("sydney"), pid);
  assert.equal(await fleet.call("sydney", key), 200);
});
