import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { applicationIds, type DatabaseSpec, openDatabase, transaction } from "./database.ts";
import { openGatewayStore } from "./gateway-store.ts";
import { openJournal } from "./journal.ts";
import { openLedgerStore } from "./ledger-store.ts";
import { openRegistryStore } from "./registry-store.ts";
import { openUsageStream } from "./usage-stream.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-database-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function spec(overrides: Partial<DatabaseSpec> = {}): DatabaseSpec {
  return {
    file: join(folder, "data", "x.db"),
    applicationId: applicationIds.stream,
    version: 2,
    schema: "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT) STRICT",
    synchronous: "full",
    cacheKiB: 1024,
    autoCheckpointPages: 1000,
    failed: "stream-failed",
    ...overrides,
  };
}

function hashOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** A file with some content, as a crash leaves it if `log` is true: with a log that was not taken in. */
function makeFile({ log = false } = {}): string {
  const { file } = spec();
  const db = openDatabase(spec());
  const insert = db.prepare("INSERT INTO numbers (text) VALUES (?)");
  transaction(db, () => {
    for (let i = 0; i < 2000; i++) insert.run("some text to fill a few pages");
  });
  const copies = log
    ? [file, `${file}-wal`].map((name) => [name, readFileSync(name)] as const)
    : [];
  db.close();
  for (const [name, bytes] of copies) writeFileSync(name, bytes);
  return file;
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(file);
  content.set(bytes, at);
  writeFileSync(file, content);
}

test("a new database, its log and its folder are its owner's alone", () => {
  const db = openDatabase(spec());
  db.exec("INSERT INTO numbers (text) VALUES ('x')");
  const data = join(folder, "data");
  assert.equal(statSync(data).mode & 0o777, 0o700);
  for (const name of readdirSync(data))
    assert.equal(statSync(join(data, name)).mode & 0o777, 0o600);
  db.close();
});

test("what was committed is there again, also when only the log has it", () => {
  makeFile({ log: true });
  const db = openDatabase(spec());
  assert.equal(db.prepare("SELECT count(*) AS count FROM numbers").get()?.["count"], 2000);
  db.close();
});

test("a database whose making was cut short is made anew", () => {
  mkdirSync(join(folder, "data"));
  writeFileSync(`${spec().file}.new`, "half a database");
  const db = openDatabase(spec());
  assert.equal(db.prepare("SELECT count(*) AS count FROM numbers").get()?.["count"], 0);
  db.close();
});

describe("a file that cannot be used is refused and stays byte for byte", () => {
  const cases: {
    name: string;
    code: string;
    spoil: (file: string) => void;
    spec?: Partial<DatabaseSpec>;
    /** The log holds the spoilt page: with it the database is whole. */
    healedByLog?: boolean;
  }[] = [
    {
      name: "no database",
      code: "data-damaged",
      spoil: (file) => writeFileSync(file, "a note for later\n".repeat(500)),
    },
    { name: "an empty file", code: "data-damaged", spoil: (file) => writeFileSync(file, "") },
    {
      name: "cut within the header",
      code: "data-damaged",
      spoil: (file) => truncateSync(file, 60),
    },
    {
      name: "cut after the first page",
      healedByLog: true,
      code: "data-damaged",
      spoil: (file) => truncateSync(file, 4096),
    },
    {
      name: "its header overwritten",
      code: "data-damaged",
      spoil: (file) => overwrite(file, 0, new Uint8Array(4096)),
    },
    {
      name: "its schema overwritten",
      healedByLog: true,
      code: "data-damaged",
      spoil: (file) => overwrite(file, 100, new Uint8Array(3996).fill(255)),
    },
    {
      name: "a table's root overwritten",
      healedByLog: true,
      code: "data-damaged",
      spoil: (file) => overwrite(file, 4096, new Uint8Array(4096).fill(255)),
    },
    {
      name: "another program's database",
      code: "data-damaged",
      spoil: () => {},
      spec: { applicationId: applicationIds.ledger },
    },
    { name: "a newer version", code: "data-newer", spoil: () => {}, spec: { version: 1 } },
  ];
  for (const { name, code, spoil, spec: overrides = {}, healedByLog } of cases) {
    for (const log of healedByLog ? [false] : [false, true]) {
      test(`${name}${log ? ", with a log beside it" : ""}`, () => {
        const file = makeFile({ log });
        spoil(file);
        const before = hashOf(file);
        const logBefore = log ? hashOf(`${file}-wal`) : "";
        assert.throws(() => openDatabase(spec(overrides)), { code });
        assert.equal(hashOf(file), before);
        assert.equal(log ? hashOf(`${file}-wal`) : "", logBefore);
      });
    }
  }
});

test("a folder that cannot be made or written is one clear failure", () => {
  writeFileSync(join(folder, "file"), "");
  const file = join(folder, "file", "below", "x.db");
  assert.throws(() => openDatabase(spec({ file })), { code: "data-unwritable" });
});

const stores: readonly (readonly [name: string, open: (file: string) => Promise<unknown>])[] = [
  ["journal", (file) => openJournal({ file, durability: "os", sizeMaxBytes: 1e6 })],
  ["usage stream", (file) => openUsageStream({ file })],
  ["ledger", openLedgerStore],
  ["registry", openRegistryStore],
  ["gateway store", openGatewayStore],
];

for (const [name, open] of stores) {
  test(`${name}: a damaged and a newer file are refused through the thread, untouched`, async () => {
    const file = join(folder, "x.db");
    const closable = (await open(file)) as { close(): Promise<void> };
    await closable.close();
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 999");
    db.close();
    const newer = hashOf(file);
    await assert.rejects(open(file), { code: "data-newer" });
    assert.equal(hashOf(file), newer);
    overwrite(file, 100, new Uint8Array(200).fill(255));
    overwrite(file, 60, new Uint8Array([0, 0, 0, 1]));
    const damaged = hashOf(file);
    await assert.rejects(open(file), { code: "data-damaged" });
    assert.equal(hashOf(file), damaged);
  });
}
