/** What the recorded streams and ledgers hold, and whether an image holds what it must. */

import { join } from "node:path";
import { openLedgerStore } from "../../../src/adapters/sqlite/ledger-store.ts";
import { openUsageStream } from "../../../src/adapters/sqlite/usage-stream.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { LedgerDelta, LedgerStore } from "../../../src/ports/ledger-store.ts";

const counters = 60;
const window = "day/2026-11-21T00:00:00Z";
const hour = Date.UTC(2026, 10, 21, 12);

/** The record of a position: up to 3 KB that follow from it. */
export function streamRecord(position: number): Uint8Array {
  const random = seededRandom(position);
  const bytes = new Uint8Array(8 + random.below(3_000));
  for (let i = 0; i < bytes.length; i++) bytes[i] = (position * 31 + i * 7) & 0xff;
  return bytes;
}

/** The highest number after a word that was said, 0 if none was. */
function last(said: readonly string[], word: string): number {
  const line = said.findLast((each) => each.startsWith(`${word} `));
  return Number(line?.split(" ")[1] ?? 0);
}

export async function checkStream(
  folder: string,
  said: readonly string[],
): Promise<string | undefined> {
  const [durable, given] = [last(said, "durable"), last(said, "giving")];
  const stream = await openUsageStream({ file: join(folder, "stream.db") });
  try {
    const { first } = stream;
    if (stream.last < durable) return `ends at ${stream.last}, ${durable} were durable`;
    if (stream.last > given) return `ends at ${stream.last}, ${given} were given`;
    if (first > Math.max(1, last(said, "trimming")))
      return `begins at ${first}, not trimmed so far`;
    let next = first;
    while (next <= stream.last) {
      const records = await stream.read(next, 1e6);
      for (const { position, bytes } of records) {
        if (position !== next) return `${position} comes where ${next} should`;
        if (Buffer.compare(bytes, streamRecord(position)) !== 0) return `${position} is changed`;
        next++;
      }
      if (records.length === 0) return `nothing from ${next} on`;
    }
    return undefined;
  } finally {
    await stream.close();
  }
}

/** Checkpoint n of the recorded ledger. */
export function ledgerDelta(n: number): LedgerDelta {
  const index = Uint32Array.from({ length: counters }, (_, i) => i + 1);
  const row = {
    ...{ hour, region: "sydney", route: "/", plan: "pro", owner: "", address: "", referer: "" },
    ...{ calls: 1, units: 1, refundedCalls: 0, refundedUnits: 0 },
  };
  return {
    fold: {
      version: { epoch: 1, position: n },
      ...{ horizonMs: 0, fenceMs: n, strictSince: [["pro/day", n]] },
      producers: [{ producer: "p/1", last: n, parked: [], lost: [] }],
    },
    totals: [
      {
        ...{ window, lo: index, hi: index },
        charged: new Float64Array(counters).fill(n),
        refunded: new Float64Array(counters),
        subject: Array.from(index, (i) => (n === 1 ? `key:k_${i}` : "")),
      },
    ],
    dropped: [],
    rows: Array.from(index, (i) => ({ ...row, key: `k_${i}` })),
    observations: [],
    leases: Array.from(index.subarray(0, 5), (lo) => ({ window, lo, hi: lo, book: `[0,${n},[]]` })),
  };
}

export async function checkLedger(
  folder: string,
  said: readonly string[],
): Promise<string | undefined> {
  const ledger = await openLedgerStore(join(folder, "ledger.db"));
  try {
    return await wrongLedger(ledger, said);
  } finally {
    await ledger.close();
  }
}

async function wrongLedger(
  ledger: LedgerStore,
  said: readonly string[],
): Promise<string | undefined> {
  const [durable, given] = [last(said, "durable"), last(said, "giving")];
  const totals: number[] = [];
  const loaded = await ledger.load(({ charged }) => void totals.push(...charged));
  const n = loaded?.fold.version.position ?? 0;
  if (n < durable || n > given) return `checkpoint ${n}, not ${durable} to ${given}`;
  const named = Number((await ledger.getMeta("n")) ?? 0);
  if (named < last(said, "named") || named > last(said, "naming")) return `named ${named}`;
  if (n === 0) return undefined;
  if ((loaded?.damaged.length ?? 0) > 0) return "totals are damaged";
  if (totals.length !== counters || totals.some((units) => units !== n)) {
    return `totals are not those of checkpoint ${n}`;
  }
  const { fold, leases = [] } = loaded ?? {};
  if (fold?.fenceMs !== n || fold.producers[0]?.last !== n) return `the fold is not that of ${n}`;
  if (leases.length !== 5 || leases.some(({ book }) => book !== `[0,${n},[]]`)) {
    return `leases are not those of checkpoint ${n}`;
  }
  const rows = await ledger.usage({
    ...{ by: "key", window: "total", fromMs: 0, toMs: hour * 2, top: 0, limit: 1_000, offset: 0 },
    where: {},
  });
  if (rows.length !== counters || rows.some(({ calls }) => calls !== n)) {
    return `rows are not those of checkpoint ${n}`;
  }
  return undefined;
}
