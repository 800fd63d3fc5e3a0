import assert from "node:assert/strict";
import { test } from "node:test";
import { keyTable } from "../access/key-table.ts";
import { hashKeyFromHex } from "../base/hash.ts";
import type { GatewayStore } from "../ports/gateway-store.ts";
import { KeyReplica } from "./key-replica.ts";

const noLog = { info: () => {}, warn: () => {}, error: () => {} };

function replica(store: Partial<GatewayStore>): KeyReplica {
  const table = keyTable({ hashKey: hashKeyFromHex("00".repeat(16)) });
  const propagation = { observe: () => {} };
  return new KeyReplica({ table, store: store as GatewayStore, log: noLog, propagation });
}

const starts = [
  { saved: undefined, isLoaded: false, what: "nothing whole was saved" },
  { saved: 0, isLoaded: true, what: "a cluster without keys was saved" },
  { saved: 7, isLoaded: true, what: "keys were saved" },
];

for (const { saved, isLoaded, what } of starts) {
  test(`without the hub a gateway ${isLoaded ? "serves" : "waits"} where ${what}`, async () => {
    const keys = replica({ loadKeys: async () => saved });
    await keys.load();
    assert.equal(keys.isLoaded, isLoaded);
    assert.equal(keys.savedVersion, saved ?? 0);
  });
}

test("a version is acknowledged when it is on disk, after a failed save too, and in order", async () => {
  const acknowledged: number[] = [];
  let failures = 2;
  const keys = replica({
    saveKeys: async () => {
      assert.deepEqual(acknowledged, [], "nothing is acknowledged before it is saved");
      if (failures-- > 0) throw new Error("disk full");
    },
  });
  const at = { nowMs: 0, wait: async () => {} };
  await new Promise<void>((resolve) => {
    keys.take({ packed: new Uint8Array(0), version: 3, last: true }, at, (version) => {
      acknowledged.push(version);
      resolve();
    });
  });
  assert.deepEqual(acknowledged, [3]);
  assert.equal(keys.savedVersion, 3);
});
