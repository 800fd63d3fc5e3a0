/** A registry with many keys, written through the adapter before the hub's first start. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { formatApiKey, formatKeyId, hashApiKey } from "../../src/access/api-key.ts";
import { encodeKeyRecord, unrestricted } from "../../src/access/key-record.ts";
import { openLedgerStore } from "../../src/adapters/sqlite/ledger-store.ts";
import { openRegistryStore } from "../../src/adapters/sqlite/registry-store.ts";
import type { RegistryRow } from "../../src/ports/registry-store.ts";

/** Rows of one transaction. */
const sliceRows = 20_000;
/** Every so many-th key is a real one whose secret is returned; the others' hashes stand for secrets nobody has. */
const knownEvery = 5_000;

export interface FilledKey {
  readonly id: string;
  readonly key: string;
}

/** Makes `<data>/hub/registry.db` with `count` keys of one plan; returns those whose secrets are known. */
export async function fillRegistry(
  data: string,
  { count, plan, prefix }: { count: number; plan: string; prefix: string },
): Promise<FilledKey[]> {
  // The hub takes a registry without a ledger for half a restore.
  await (await openLedgerStore(join(data, "hub", "ledger.db"))).close();
  const registry = await openRegistryStore(join(data, "hub", "registry.db"));
  const known: FilledKey[] = [];
  const nowMs = Date.now();
  try {
    for (let from = 0; from < count; from += sliceRows) {
      const rows = Array.from({ length: Math.min(sliceRows, count - from) }, (_, i) => {
        const version = from + i + 1;
        const id = formatKeyId(randomBytes(16));
        let hash: Uint8Array = randomBytes(32);
        if (version % knownEvery === 0) {
          const key = formatApiKey({ prefix, mode: "live", entropy: randomBytes(20) });
          known.push({ id, key });
          hash = hashApiKey(key);
        }
        return rowOf({ hash, id, plan, version, nowMs });
      });
      await registry.put(rows);
    }
  } finally {
    await registry.close();
  }
  return known;
}

interface Filled {
  readonly hash: Uint8Array;
  readonly id: string;
  readonly plan: string;
  readonly version: number;
  readonly nowMs: number;
}

function rowOf({ hash, id, plan, version, nowMs }: Filled): RegistryRow {
  const owner = `customer ${version % 50_000}`;
  const anchorDay = new Date(nowMs).getUTCDate();
  const packed = encodeKeyRecord({
    ...{ hash, keyId: id, plan, owner, name: `key ${version}`, version },
    ...{ createdAtMs: nowMs, changedAtMs: nowMs, expiresAtMs: 0 },
    ...{ anchorDay, ownerAnchorDay: anchorDay, restrict: unrestricted, revoked: false },
  });
  return { hash: Buffer.from(hash).toString("hex"), keyId: id, owner, version, packed };
}
