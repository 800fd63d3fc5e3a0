/** What must hold at rest: every key within its caller's books, the same in all regions, ledger and stream agreeing. */

import assert from "node:assert/strict";
import type { CallLedger } from "./call-ledger.ts";
import { type CommandResult, type Usage, until } from "./cluster.ts";

/** A running cluster, however its processes were started. */
export interface Running {
  readonly regionNames: readonly string[];
  usage(region: string, key: string): Promise<Usage | undefined>;
  command(...args: string[]): Promise<CommandResult>;
}

export interface Counted {
  readonly total: number;
  readonly acked: number;
  readonly unknown: number;
  /** Units above what was answered, at most `unknown`. */
  readonly over: number;
  readonly settledMs: number;
}

/** A restarted gateway sends what is left, and views converge, well within this. */
const settleMsMax = 10_000;

/** Asserts all of it, and returns the figures. `keys`: id by secret. */
export async function assertExact(
  cluster: Running,
  ledger: CallLedger,
  keys: ReadonlyMap<string, string>,
): Promise<Counted> {
  const { totals, settledMs } = await assertAgreed(cluster, ledger, {
    keys,
    withinMs: settleMsMax,
  });
  const report = await cluster.command("usage", "--by", "key", "--window", "month", "--json");
  assert.equal(report.code, 0, report.stderr);
  const units = netUnitsByKey(report.stdout);
  for (const [key, id] of keys) {
    assert.equal(units.get(id) ?? 0, totals.get(key), `the report's units of ${id}`);
  }
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);

  const total = [...totals.values()].reduce((sum, value) => sum + value, 0);
  const { acked, unknown } = ledger;
  return { total, acked, unknown, over: total - acked, settledMs };
}

export interface Agreed {
  /** Units by secret. */
  readonly totals: ReadonlyMap<string, number>;
  readonly settledMs: number;
}

/** All regions say the same of every key, within its caller's books, soon enough. `keys`: id by secret. */
export async function assertAgreed(
  cluster: Running,
  ledger: CallLedger,
  { keys, withinMs }: { keys: ReadonlyMap<string, string>; withinMs: number },
): Promise<Agreed> {
  const seenOf = (key: string): Promise<(number | undefined)[]> =>
    Promise.all(
      cluster.regionNames.map(async (name) => (await cluster.usage(name, key))?.limits[0]?.used),
    );
  const totals = new Map<string, number>();
  const agree = async (): Promise<boolean> => {
    for (const key of keys.keys()) {
      const seen = await seenOf(key);
      const first = seen[0];
      if (first === undefined || seen.some((value) => value !== first)) return false;
      if (first < ledger.bounds(key).min) return false;
      totals.set(key, first);
    }
    return true;
  };
  const settledMs = await until(agree, withinMs).catch(async () => {
    for (const [key, id] of keys) {
      const seen = await seenOf(key);
      const { min, max } = ledger.bounds(key);
      const said = cluster.regionNames.map((name, i) => `${name} ${seen[i]}`).join(", ");
      assert.ok(
        seen.every((value) => value === seen[0]),
        `${id} is the same in all regions: ${said}`,
      );
      assert.ok((seen[0] ?? 0) >= min, `${id} counts ${seen[0]}: fewer than the ${min} answered`);
      assert.ok((seen[0] ?? 0) <= max, `${id} counts ${seen[0]}: more than ${max}`);
    }
    throw new Error(`the regions agreed later than ${withinMs} ms`);
  });
  for (const [key, id] of keys) {
    const { min, max } = ledger.bounds(key);
    const total = totals.get(key) ?? 0;
    assert.ok(total <= max, `${id} counts ${total}, at most ${max} were sent (${min} answered)`);
  }
  return { totals, settledMs };
}

function netUnitsByKey(json: string): Map<string, number> {
  const { rows } = JSON.parse(json) as {
    rows: { value: string; units: number; refundedUnits: number }[];
  };
  const net = new Map<string, number>();
  for (const { value, units, refundedUnits } of rows) {
    net.set(value, (net.get(value) ?? 0) + units - refundedUnits);
  }
  return net;
}
