/** What every `GatewayStore` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GatewayStore, ViewDelta, WindowColumns } from "../ports/gateway-store.ts";

/** One store's storage; `open` may be called again once the one opened before is closed. */
export interface StateStorage {
  open(): Promise<GatewayStore>;
  dispose(): Promise<void>;
}

export interface StateSuite {
  readonly name: string;
  readonly create: () => Promise<StateStorage>;
}

type Counter = readonly [lo: number, hi: number, total: number];

export function columnsOf(window: string, counters: readonly Counter[]): WindowColumns {
  return {
    window,
    lo: Uint32Array.from(counters, ([lo]) => lo),
    hi: Uint32Array.from(counters, ([, hi]) => hi),
    total: Float64Array.from(counters, ([, , total]) => total),
  };
}

const nothing: ViewDelta = {
  version: { epoch: 1, position: 1 },
  watermarks: [],
  asOfMs: 1_700_000_000_000,
  windows: [],
  dropped: [],
  replace: false,
};

/** A record as stores see it: length at 2, hash at 4, version at 36; `format` tells apart what they do not read. */
export function packedKey(hash: number, version: number, length = 60, format = 1): Uint8Array {
  const bytes = new Uint8Array(length).fill(format);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, length, true);
  bytes.fill(hash, 4, 36);
  view.setBigUint64(36, BigInt(version), true);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Splits records back to back by their length. */
function split(parts: readonly Uint8Array[]): string[] {
  const records: string[] = [];
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.length);
    for (let at = 0; at < part.length; at += view.getUint16(at + 2, true)) {
      records.push(`${part[at + 4]}@${view.getBigUint64(at + 36, true)}#${part[at]}`);
    }
  }
  return records.sort();
}

async function loaded(store: GatewayStore): Promise<unknown> {
  const windows: Record<string, Counter[]> = {};
  const saved = await store.loadView(({ window, lo, hi, total }) => {
    const counters = [...lo].map((low, i): Counter => [low, hi[i] ?? 0, total[i] ?? 0]);
    windows[window] = [...(windows[window] ?? []), ...counters].sort(([a], [b]) => a - b);
  });
  return saved && { ...saved, windows };
}

type Define = (name: string, run: (storage: StateStorage) => Promise<void>) => void;

export function gatewayStoreConformance(suite: StateSuite): void {
  const define: Define = (name, run) => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`gateway store: ${suite.name}`, () => {
    views(define);
    keys(define);
  });
}

function views(define: Define): void {
  define("a new store holds nothing", async (storage) => {
    const store = await storage.open();
    assert.equal(await store.loadCluster(), undefined);
    assert.equal(await loaded(store), undefined);
    assert.equal(await store.loadKeys(() => assert.fail("no entries")), undefined);
    assert.deepEqual(await store.loadCoverage(), []);
    assert.equal(await store.loadStatus(), undefined);
    await store.close();
  });

  define("the public status is kept", async (storage) => {
    const status = { text: '{"regions":["é"]}', asOfMs: 1_700_000_000_123.25 };
    const first = await storage.open();
    await first.saveStatus({ text: "{}", asOfMs: 1 });
    await first.saveStatus(status);
    await first.close();
    const second = await storage.open();
    assert.deepEqual(await second.loadStatus(), status);
    await second.close();
  });

  define("the cluster is kept", async (storage) => {
    const cluster = { clusterId: "c1", hashKey: "0123456789abcdef0123456789abcdef" };
    const first = await storage.open();
    await first.saveCluster({ ...cluster, clusterId: "c0" });
    await first.saveCluster(cluster);
    await first.close();
    const second = await storage.open();
    assert.deepEqual(await second.loadCluster(), cluster);
    await second.close();
  });

  define("what was covered when is kept", async (storage) => {
    const marks = [
      { atMs: 1_000, covered: [] },
      { atMs: 2_000, covered: [["00000000000000ab", 7] as const] },
    ];
    const first = await storage.open();
    await first.saveCoverage([{ atMs: 0, covered: [] }]);
    await first.saveCoverage(marks);
    await first.close();
    const second = await storage.open();
    assert.deepEqual(await second.loadCoverage(), marks);
    await second.close();
  });

  define("a view is read back as it was saved, to the last bit", async (storage) => {
    const counters: Counter[] = [
      [1, 0, 0],
      [2, 0xffff_ffff, Number.MAX_SAFE_INTEGER],
      [0xffff_ffff, 0x8000_0000, 2 ** 32],
    ];
    const watermarks = [["p/i", 7]] as const;
    const version = { epoch: 3, position: 99 };
    const first = await storage.open();
    const asOfMs = 1_700_000_000_123.25;
    const windows = [columnsOf("w", counters)];
    await first.saveView({ ...nothing, version, watermarks, asOfMs, windows });
    await first.close();
    const second = await storage.open();
    assert.deepEqual(await loaded(second), {
      version,
      watermarks,
      asOfMs,
      windows: { w: counters },
    });
    await second.close();
  });

  define(
    "a save changes what it names, drops what it drops, and keeps the rest",
    async (storage) => {
      const store = await storage.open();
      const a = columnsOf("a", [
        [1, 1, 10],
        [2, 2, 20],
      ]);
      await store.saveView({ ...nothing, windows: [a, columnsOf("b", [[1, 1, 1]])] });
      const version = { epoch: 1, position: 2 };
      const windows = [columnsOf("a", [[2, 2, 25]]), columnsOf("c", [[3, 3, 3]])];
      await store.saveView({ ...nothing, version, windows, dropped: ["b", "never saved"] });
      assert.deepEqual(await loaded(store), {
        version,
        watermarks: [],
        asOfMs: nothing.asOfMs,
        windows: {
          a: [
            [1, 1, 10],
            [2, 2, 25],
          ],
          c: [[3, 3, 3]],
        },
      });
      await store.close();
    },
  );

  define(
    "a replacing save forgets everything before it, and a dropped window may come again",
    async (storage) => {
      const store = await storage.open();
      const windows = [columnsOf("a", [[1, 1, 10]]), columnsOf("b", [[2, 2, 20]])];
      await store.saveView({ ...nothing, windows });
      await store.saveView({ ...nothing, windows: [columnsOf("a", [[5, 5, 50]])], replace: true });
      assert.deepEqual(await loaded(store), {
        version: nothing.version,
        watermarks: [],
        asOfMs: nothing.asOfMs,
        windows: { a: [[5, 5, 50]] },
      });
      await store.close();
    },
  );

  define("columns may be views of something larger, which stays the caller's", async (storage) => {
    const store = await storage.open();
    const { lo, hi, total } = columnsOf(
      "w",
      [1, 2, 3, 4].map((n): Counter => [n, n, n]),
    );
    const windows = [
      { window: "w", lo: lo.subarray(1, 3), hi: hi.subarray(1, 3), total: total.subarray(1, 3) },
    ];
    await store.saveView({ ...nothing, windows });
    assert.equal(lo.length, 4);
    assert.deepEqual(await loaded(store), {
      version: nothing.version,
      watermarks: [],
      asOfMs: nothing.asOfMs,
      windows: {
        w: [
          [2, 2, 2],
          [3, 3, 3],
        ],
      },
    });
    await store.close();
  });
}

function keys(define: Define): void {
  define(
    "key records are kept by hash, the newest saved wins, with the version of all",
    async (storage) => {
      const first = await storage.open();
      await first.saveKeys(2, Buffer.from(joined([packedKey(1, 1), packedKey(2, 2, 80)])));
      await first.saveKeys(3, packedKey(1, 3, 44, 9));
      await first.close();
      const second = await storage.open();
      const parts: Uint8Array[] = [];
      assert.equal(await second.loadKeys((part) => parts.push(part)), 3);
      assert.deepEqual(split(parts), ["1@3#9", "2@2#1"]);
      await second.close();
    },
  );

  define("a revoked key stays revoked, whatever version comes", async (storage) => {
    const store = await storage.open();
    const [active, revoked] = [0, 1];
    await store.saveKeys(1, packedKey(1, 1, 60, active));
    await store.saveKeys(2, packedKey(1, 2, 60, revoked));
    await store.saveKeys(3, packedKey(1, 3, 60, active));
    const parts: Uint8Array[] = [];
    assert.equal(await store.loadKeys((part) => parts.push(part)), 3);
    assert.deepEqual(split(parts), ["1@2#1"]);
    await store.close();
  });

  define("a registry without keys, once saved, is told from none", async (storage) => {
    const store = await storage.open();
    await store.saveKeys(0, new Uint8Array(0));
    assert.equal(await store.loadKeys(() => assert.fail("no entries")), 0);
    await store.close();
  });

  define("a save without records still moves the version", async (storage) => {
    const store = await storage.open();
    await store.saveKeys(12, new Uint8Array(0));
    assert.equal(await store.loadKeys(() => assert.fail("no entries")), 12);
    await store.close();
  });

  define(
    "records after a version are exactly the newer ones, large versions included",
    async (storage) => {
      const store = await storage.open();
      const high = 2 ** 40;
      await store.saveKeys(
        high,
        joined([packedKey(1, 5), packedKey(2, high - 1), packedKey(3, high)]),
      );
      const after = async (version: number): Promise<string[]> => {
        const parts: Uint8Array[] = [];
        await store.keysAfter(version, (part) => parts.push(part));
        return split(parts);
      };
      assert.deepEqual(await after(high - 1), [`3@${high}#1`]);
      assert.deepEqual(await after(5), [`2@${high - 1}#1`, `3@${high}#1`]);
      assert.deepEqual(await after(high), []);
      await store.close();
    },
  );

  define("many records come in parts, none lost", async (storage) => {
    const store = await storage.open();
    const count = 60_000;
    const record = packedKey(0, 1, 60);
    const packed = new Uint8Array(record.length * count);
    for (let i = 0; i < count; i++) {
      record.set([i & 255, i >> 8], 4);
      packed.set(record, i * record.length);
    }
    await store.saveKeys(1, packed);
    const hashes = new Set<number>();
    let parts = 0;
    await store.loadKeys((part) => {
      parts++;
      for (let at = 0; at < part.length; at += record.length) {
        hashes.add((part[at + 4] ?? 0) + (part[at + 5] ?? 0) * 256);
      }
    });
    assert.ok(parts > 1);
    assert.equal(hashes.size, count);
    await store.close();
  });
}
