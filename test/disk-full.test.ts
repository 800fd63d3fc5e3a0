/**
 * T8: the disk of a gateway's data folder fills up under load and is freed again. What cannot be recorded is refused, or let through and
 * counted as unmetered where the plan says so; no process ends, no call is lost or doubled, no strict quota is overshot.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./support/call-ledger.ts";
import { until } from "./support/cluster.ts";
import { assertExact } from "./support/exactness.ts";
import { Fleet } from "./support/fleet.ts";
import { readMetrics } from "./support/metrics.ts";
import { SmallDisk } from "./support/small-disk.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const times = isLong ? { calmMs: 5_000, fullMs: 60_000 } : { calmMs: 500, fullMs: 1_500 };
const normalMsMax = 5_000;
/** A reply that waited so long was given up: its charge may have been recorded when there was room again. */
const waitedMsMin = 4_000;

/** Its disk is small. */
const full = "sydney";
const regions = [full, "seoul"] as const;
/** Calls a second to both regions, for each of three keys. */
const perSecond = isLong ? 160 : 60;
/** Calls under way when the disk is full wait: enough are left for others to come meanwhile. */
const connections = 16;
const strictQuota = isLong ? 4_000 : 160;

const plans = `denied: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }
  allowed: { limits: [{ name: month, per: key, quota: 1000000000, window: month, onFailure: allow }] }
  exact: { limits: [{ name: day, per: key, quota: ${strictQuota}, window: day, enforcement: strict }] }`;

describe("a full disk", () => {
  let disk: SmallDisk | string = "";
  let fleet: Fleet | undefined;

  before(async () => {
    fleet = await Fleet.start(plans, {
      regions,
      prepare: (data) => {
        disk = SmallDisk.mount(join(data, "gateways", full, "0"));
      },
    });
  });

  after(async () => {
    await fleet?.end(full, "SIGTERM");
    if (disk instanceof SmallDisk) disk.unmount();
    await fleet?.stop();
  });

  test("refuses or lets through by the plan, loses nothing, and is over when there is room", async (t) => {
    assert.ok(fleet);
    if (!(disk instanceof SmallDisk)) return t.skip(`a full disk is NOT tested here: ${disk}`);
    const { ledgers, probe } = await startLoads(fleet);
    const pid = fleet.pid(full);
    let normalMs = 0;
    try {
      await sleep(times.calmMs);
      disk.fill();
      const isFailing = async (): Promise<boolean> => (await reading(fleet, "journal_ok")) === 0;
      await until(isFailing, 5_000, "the journal to fail");
      await sleep(times.fullMs);
      const refused = await probe();
      assert.equal(refused.status, 503, "no plan says that its calls may go uncounted");
      assert.equal(refused.retryAfter, "1");
      disk.free();
      const isNormal = async (): Promise<boolean> => (await probe()).status === 200;
      normalMs = await until(isNormal, normalMsMax, "calls to be answered again");
      await sleep(times.calmMs);
    } finally {
      await Promise.all(Object.values(ledgers).map(({ ledger }) => ledger.stop()));
    }
    assert.equal(fleet.pid(full), pid);
    const unmetered = await reading(fleet, "unmetered_calls");
    assert.ok(unmetered !== undefined && unmetered > 0, "calls of the plan that allows it went on");
    const { denied, allowed, exact } = ledgers;
    const waited = expectLate(allowed);
    assert.equal(
      statusCalls(allowed.ledger, full, 503),
      waited,
      "but those under way at the start",
    );
    expectLate(denied);
    expectLate(exact);
    const book = allowed.ledger.books.get(allowed.key);
    assert.ok(book !== undefined && book.acked >= unmetered);
    book.acked -= unmetered;

    const counted = [];
    for (const { ledger, key, id } of [denied, allowed, exact]) {
      counted.push(await assertExact(fleet, ledger, new Map([[key, id]])));
    }
    const spent = counted[2]?.total ?? 0;
    assert.ok(exact.ledger.acked <= strictQuota && spent <= strictQuota, `${spent} spent`);
    assert.ok(exact.ledger.acked >= strictQuota / 4, `only ${exact.ledger.acked} could be used`);
    const total = counted.reduce((sum, of) => sum + of.total, 0);
    const refusals = statusCalls(denied.ledger, full, 503);
    t.diagnostic(
      `figure: full for ${times.fullMs / 1000} s: ${total} counted, ${refusals} refused, ${unmetered} let through unmetered, ` +
        `under-count 0, strict quota ${spent} of ${strictQuota}; normal ${Math.round(normalMs)} ms after there was room`,
    );
  });
});

interface Load {
  readonly ledger: CallLedger;
  readonly key: string;
  readonly id: string;
}

/** One caller for each plan, and calls of a further key, one at a time, for what is looked at closely. */
async function startLoads(fleet: Fleet) {
  const targets = regions.map((region) => ({ region, url: fleet.url(region) }));
  const load = async (plan: string): Promise<Load> => {
    const { key, id } = await fleet.createKnownKey(plan);
    const ledger = new CallLedger({ targets, keys: [key], perSecond, connections });
    return { ledger, key, id };
  };
  const ledgers = {
    denied: await load("denied"),
    allowed: await load("allowed"),
    exact: await load("exact"),
  };
  const { key } = await fleet.createKnownKey("denied");
  for (const { ledger } of Object.values(ledgers)) ledger.start();
  const probe = async () => {
    const response = await fetch(fleet.url(full), { headers: { "x-api-key": key } });
    await response.text();
    return { status: response.status, retryAfter: response.headers.get("retry-after") };
  };
  return { ledgers, probe };
}

/** What the gateway with the small disk says of itself. */
async function reading(fleet: Fleet | undefined, name: string): Promise<number | undefined> {
  const samples = await readMetrics(`${fleet?.operations(full)}/metrics`);
  return samples.get(`tallygate_${name}{region="${full}"}`);
}

function statusCalls(ledger: CallLedger, region: string, status: number): number {
  return ledger.others.get(`${region} ${status}`) ?? 0;
}

/** Calls that were under way when the disk was full and waited in vain: charged or not. How many. */
function expectLate({ ledger, key }: Load): number {
  const late = ledger.answered.filter(
    ({ status, dueMs, sentMs, latencyMs }) =>
      status === 503 && dueMs + latencyMs - sentMs >= waitedMsMin,
  );
  const book = ledger.books.get(key);
  assert.ok(book);
  book.unknown += late.length;
  return late.length;
}
