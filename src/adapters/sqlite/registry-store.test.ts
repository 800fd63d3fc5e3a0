import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  type RegistryStorage,
  registryStoreConformance,
  rowOf,
} from "../../conformance/registry-store.ts";
import { openRegistryStore } from "./registry-store.ts";

async function storage(): Promise<RegistryStorage & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-registry-"));
  const file = join(folder, "registry.db");
  return {
    file,
    open: () => openRegistryStore(file),
    dispose: () => rm(folder, { recursive: true }),
  };
}

registryStoreConformance({ name: "sqlite", create: storage });

/** Tables that each version added. */
const added = {
  2: ["audit", "tokens"],
  3: ["events"],
  4: ["people", "links", "sessions"],
  5: ["configs"],
};

for (const version of [1, 2, 3, 4]) {
  test(`a registry of version ${version} is taken on with its keys`, async () => {
    const { file, ...registry } = await storage();
    const before = await registry.open();
    await before.put([rowOf(1)]);
    const entry = { actor: "admin", action: "x", target: "", request: "", change: "{}" };
    const token = {
      ...({ id: "t_1", name: "n", role: "admin", owner: "", hash: "h" } as const),
      ...{ createdAtMs: 1, expiresAtMs: 0 },
    };
    if (version >= 3) await before.tokens.add(token, { atMs: 1, ...entry });
    await before.close();
    const db = new DatabaseSync(file);
    for (const [from, tables] of Object.entries(added)) {
      if (Number(from) > version) for (const table of tables) db.exec(`DROP TABLE ${table}`);
    }
    if (version > 1) db.exec("ALTER TABLE tokens DROP COLUMN owner");
    db.exec(`PRAGMA user_version = ${version}`);
    db.close();
    const after = await registry.open();
    assert.deepEqual(after.after(0, 10), [rowOf(1)]);
    const seq = version >= 3 ? 2 : 1;
    assert.equal((await after.audit.append({ atMs: 1, ...entry })).seq, seq);
    assert.deepEqual(after.tokens.all(), version >= 3 ? [{ ...token, owner: "" }] : []);
    const owned = { ...token, id: "t_2", hash: "other", owner: "acme" };
    await after.tokens.add(owned, { atMs: 2, ...entry });
    assert.deepEqual(after.tokens.all().at(-1), owned);
    await after.events.add([{ atMs: 1, kind: "hub", subject: "", detail: "started" }]);
    assert.equal(after.events.after(0, 10).length, 1);
    await after.portal.addPerson({ id: "p_1", email: "a@example.com", createdAtMs: 1 });
    assert.equal(after.portal.people(), 1);
    await after.close();
    await registry.dispose();
  });
}
