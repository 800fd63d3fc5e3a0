import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { openRegistryStore } from "../adapters/sqlite/registry-store.ts";
import { checkAudit } from "../control/audit-check.ts";
import { auditGenesis, auditHash, auditKept, auditSegment } from "../ports/audit-log.ts";
import { checkArchives } from "./audit-archive.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-archive-"));
  file = join(folder, "registry.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const draft = { atMs: 1, actor: "admin", action: "x", target: "k_1", request: "", change: "{}" };
const at = {
  after: (_: number, run: () => void) => {
    setImmediate(run);
    return { cancel: () => {} };
  },
};

/** A log of so many entries, each following from the one before it. */
async function fill(count: number): Promise<void> {
  await (await openRegistryStore(file)).close();
  const db = new DatabaseSync(file);
  db.exec("PRAGMA synchronous = OFF; BEGIN");
  const insert = db.prepare(
    "INSERT INTO audit VALUES (?, 1, 'admin', 'x', 'k_1', '', '{}', unhex(?))",
  );
  let hash = auditGenesis;
  for (let seq = 1; seq <= count; seq++) {
    hash = auditHash(hash, { seq, ...draft });
    insert.run(seq, hash);
  }
  db.exec("COMMIT");
  db.close();
}

test("whole segments are archived, verified, and the log goes on behind them", async () => {
  await fill(auditKept + 2 * auditSegment);
  const registry = await openRegistryStore(file);
  const { audit } = registry;
  const archives = join(folder, "audit");
  const first = await audit.archive(archives);
  assert.deepEqual([first?.before.seq, first?.head.seq], [0, auditSegment]);
  assert.equal((await audit.archive(archives))?.head.seq, 2 * auditSegment);
  assert.equal(await audit.archive(archives), undefined);
  assert.equal(audit.base().seq, 2 * auditSegment);
  assert.equal(audit.get(2 * auditSegment), undefined);
  const entry = await audit.append(draft);
  assert.equal(entry.seq, auditKept + 2 * auditSegment + 1);
  const checked = await checkAudit(audit, at);
  assert.deepEqual(
    [checked.entries, checked.archivedTo, checked.firstBroken, checked.head?.seq],
    [auditKept + 1, 2 * auditSegment, null, entry.seq],
  );
  const files = readdirSync(archives).map((name) => join(archives, name));
  for (const one of files) assert.equal(statSync(one).mode & 0o777, 0o600);
  const found = checkArchives(files);
  assert.deepEqual(found.gaps, []);
  assert.deepEqual(
    found.archives.map(({ before, head, firstBroken }) => [before.seq, head.seq, firstBroken]),
    [
      [0, auditSegment, null],
      [auditSegment, 2 * auditSegment, null],
    ],
  );
  assert.deepEqual(found.archives[1]?.head, audit.base());
  assert.deepEqual(checkArchives(files.toReversed().slice(0, 1)).gaps, []);
  await registry.close();
  const again = await openRegistryStore(file);
  assert.equal((await again.audit.append(draft)).seq, entry.seq + 1);
  await again.close();
});

test("a segment whose chain does not hold stays where it is", async () => {
  await fill(auditKept + auditSegment);
  const db = new DatabaseSync(file);
  db.exec("UPDATE audit SET actor = 'somebody' WHERE seq = 17");
  db.close();
  const registry = await openRegistryStore(file);
  const archives = join(folder, "audit");
  await assert.rejects(registry.audit.archive(archives), { code: "data-damaged" });
  assert.equal(registry.audit.base().seq, 0);
  assert.equal(registry.audit.get(17)?.actor, "somebody");
  assert.equal((await checkAudit(registry.audit, at)).firstBroken, 17);
  await registry.close();
});

test("where nothing is due nothing is archived", async () => {
  await fill(auditKept + auditSegment - 1);
  const registry = await openRegistryStore(file);
  assert.equal(await registry.audit.archive(join(folder, "audit")), undefined);
  await registry.close();
});
