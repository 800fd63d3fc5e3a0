/** The gateway's store: its thread. View and keys are caches of the hub's: damage is told apart, never guessed around. */

import type { DatabaseSync } from "node:sqlite";
import type { CoverageMark, SavedPublicStatus, SavedView } from "../../ports/gateway-store.ts";
import { applicationIds, type DatabaseSpec, openDatabase, transaction } from "./database.ts";
import type { StateApi, StateStart } from "./gateway-store-protocol.ts";
import { KeyRows, keyTables } from "./key-rows.ts";
import { rowCrc } from "./row-crc.ts";
import { Statements } from "./statements.ts";
import { type Handlers, serveThread } from "./thread-server.ts";
import { TotalRows, totalTables } from "./total-rows.ts";
import { IdleSweeper, WindowRows, windowTables } from "./window-rows.ts";

const schema = `
  CREATE TABLE cluster (id TEXT NOT NULL, hash_key TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
  -- One row: the version of \`totals\` and, as JSON, all watermarks at it.
  CREATE TABLE view (
    epoch INTEGER NOT NULL, position INTEGER NOT NULL, watermarks TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  ${windowTables}
  ${totalTables}
  ${keyTables}
`;

/** Apart: files of the same version may be without it. One row: marks as JSON. */
const coverageTable =
  "CREATE TABLE IF NOT EXISTS coverage (marks TEXT NOT NULL, crc INTEGER NOT NULL) STRICT";

/** As well. One row: hub time of the view. */
const viewTimeTable =
  "CREATE TABLE IF NOT EXISTS view_time (as_of_ms REAL NOT NULL, crc INTEGER NOT NULL) STRICT";

/** As well. One row. */
const statusTable =
  "CREATE TABLE IF NOT EXISTS public_status (text TEXT NOT NULL, as_of_ms REAL NOT NULL, crc INTEGER NOT NULL) STRICT";

serveThread<StateApi, StateStart, undefined>(open, ({ file }) => ({
  file,
  failed: "state-failed",
}));

function specOf(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.state,
    version: 1,
    schema,
    synchronous: "full",
    // In every gateway process beside its key table: what is read again and again fits, a million keys do not.
    cacheKiB: 8 * 1024,
    autoCheckpointPages: 4096,
    failed: "state-failed",
  };
}

function open({ file }: StateStart): { handlers: Handlers<StateApi>; ready: undefined } {
  const db = openDatabase(specOf(file));
  db.exec(coverageTable);
  db.exec(viewTimeTable);
  db.exec(statusTable);
  const statements = new Statements(db);
  const windows = new WindowRows(db);
  const totals = new TotalRows(db, windows);
  const keys = new KeyRows(db);
  const sweeper = new IdleSweeper(() => windows.sweepSome());
  sweeper.wake();
  const handlers: Handlers<StateApi> = {
    loadCluster() {
      const row = db.prepare("SELECT id, hash_key, crc FROM cluster").get();
      if (row === undefined) return undefined;
      const cluster = { clusterId: String(row["id"]), hashKey: String(row["hash_key"]) };
      // The hub tells it again.
      return row["crc"] === rowCrc(cluster.clusterId, cluster.hashKey) ? cluster : undefined;
    },
    saveCluster({ cluster: { clusterId, hashKey } }) {
      transaction(db, () => {
        db.exec("DELETE FROM cluster");
        const insert = db.prepare("INSERT INTO cluster (id, hash_key, crc) VALUES (?, ?, ?)");
        insert.run(clusterId, hashKey, rowCrc(clusterId, hashKey));
      });
    },
    loadView(_, { emit }) {
      const view = readView(db);
      const parts = view && totals.read();
      if (parts === undefined) return undefined;
      for (const part of parts) {
        emit(part, [part.lo.buffer, part.hi.buffer, part.total.buffer] as ArrayBuffer[]);
      }
      return view;
    },
    saveView({ delta }) {
      try {
        transaction(db, () => {
          if (delta.replace) windows.drop(windows.ids.keys());
          for (const columns of delta.windows) totals.put(columns);
          windows.drop(delta.dropped);
          writeView(db, statements, delta);
        });
      } catch (error) {
        windows.reload();
        throw error;
      }
      sweeper.wake();
    },
    loadCoverage: () => readCoverage(db),
    saveCoverage({ marks }) {
      const text = JSON.stringify(marks);
      transaction(db, () => {
        db.exec("DELETE FROM coverage");
        statements.get("INSERT INTO coverage (marks, crc) VALUES (?, ?)").run(text, rowCrc(text));
      });
    },
    loadStatus: () => readStatus(db),
    saveStatus({ text, asOfMs }) {
      transaction(db, () => {
        db.exec("DELETE FROM public_status");
        const insert = "INSERT INTO public_status (text, as_of_ms, crc) VALUES (?, ?, ?)";
        statements.get(insert).run(text, asOfMs, rowCrc(text, asOfMs));
      });
    },
    loadKeys: (_, { emit }) => keys.load(emit),
    saveKeys: ({ version, packed }) => transaction(db, () => keys.put(version, packed)),
    keysAfter: ({ version }, { emit }) => keys.after(version, emit),
    close() {
      sweeper.stop();
      db.close();
    },
  };
  return { handlers, ready: undefined };
}

function readView(db: DatabaseSync): SavedView | undefined {
  const row = db.prepare("SELECT epoch, position, watermarks, crc FROM view").get();
  if (row === undefined) return undefined;
  const version = { epoch: Number(row["epoch"]), position: Number(row["position"]) };
  const text = String(row["watermarks"]);
  if (row["crc"] !== rowCrc(version.epoch, version.position, text)) return undefined;
  const watermarks = JSON.parse(text) as SavedView["watermarks"];
  return { version, watermarks, asOfMs: readViewTime(db) };
}

/** 0: never saved, or damaged, which is not known either. */
function readViewTime(db: DatabaseSync): number {
  const row = db.prepare("SELECT as_of_ms, crc FROM view_time").get();
  if (row === undefined) return 0;
  const asOfMs = Number(row["as_of_ms"]);
  return row["crc"] === rowCrc(asOfMs) ? asOfMs : 0;
}

function readCoverage(db: DatabaseSync): readonly CoverageMark[] {
  const row = db.prepare("SELECT marks, crc FROM coverage").get();
  if (row === undefined) return [];
  const text = String(row["marks"]);
  return row["crc"] === rowCrc(text) ? (JSON.parse(text) as CoverageMark[]) : [];
}

function readStatus(db: DatabaseSync): SavedPublicStatus | undefined {
  const row = db.prepare("SELECT text, as_of_ms, crc FROM public_status").get();
  if (row === undefined) return undefined;
  const status = { text: String(row["text"]), asOfMs: Number(row["as_of_ms"]) };
  return row["crc"] === rowCrc(status.text, status.asOfMs) ? status : undefined;
}

function writeView(
  db: DatabaseSync,
  statements: Statements,
  { version, watermarks, asOfMs }: SavedView,
): void {
  const text = JSON.stringify(watermarks);
  const { epoch, position } = version;
  db.exec("DELETE FROM view");
  const insert = statements.get(
    "INSERT INTO view (epoch, position, watermarks, crc) VALUES (?, ?, ?, ?)",
  );
  insert.run(epoch, position, text, rowCrc(epoch, position, text));
  db.exec("DELETE FROM view_time");
  const insertTime = statements.get("INSERT INTO view_time (as_of_ms, crc) VALUES (?, ?)");
  insertTime.run(asOfMs, rowCrc(asOfMs));
}
