/** The store of the status page: its thread. A damaged row is left out: one hour that nobody knows is better than no page. */

import { randomBytes } from "node:crypto";
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Incident } from "../../status/incident.ts";
import type { ProbeHour } from "../../status/probe-history.ts";
import { applicationIds, type DatabaseSpec, openDatabase, transaction } from "./database.ts";
import { rowCrc } from "./row-crc.ts";
import type { StatusApi, StatusStart } from "./status-protocol.ts";
import { type Exchange, type Handlers, serveThread } from "./thread-server.ts";

const schema = `
  -- Probes of one region in one hour: time for which answered ones stand, and the others; counts by bucket of latency, u32.
  CREATE TABLE hours (
    region TEXT NOT NULL, hour_ms INTEGER NOT NULL, ok_ms REAL NOT NULL, failed_ms REAL NOT NULL,
    probes INTEGER NOT NULL, failures INTEGER NOT NULL, latencies BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (region, hour_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX hours_by_time ON hours (hour_ms);
  -- body: the incident as JSON.
  CREATE TABLE incidents (id TEXT PRIMARY KEY, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  -- One row: the name of the feed.
  CREATE TABLE feed (id TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
`;

/** Hours of one part on their way to the caller. */
const hoursAtOnce = 1_000;

serveThread<StatusApi, StatusStart, undefined>(open, ({ file }) => ({
  file,
  failed: "status-failed",
}));

function specOf(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.status,
    version: 1,
    schema,
    synchronous: "full",
    cacheKiB: 4 * 1024,
    autoCheckpointPages: 1_000,
    failed: "status-failed",
  };
}

function open({ file }: StatusStart): { handlers: Handlers<StatusApi>; ready: undefined } {
  const db = openDatabase(specOf(file));
  const putHour = db.prepare("INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const forgetHours = db.prepare("DELETE FROM hours WHERE hour_ms < ?");
  const putIncident = db.prepare("INSERT OR REPLACE INTO incidents VALUES (?, ?, ?)");
  const dropIncident = db.prepare("DELETE FROM incidents WHERE id = ?");
  const handlers: Handlers<StatusApi> = {
    load({ sinceMs }, exchange) {
      readHours(db, sinceMs, exchange);
      return { feedId: feedId(db), incidents: readIncidents(db) };
    },
    saveHours({ hours, sinceMs }) {
      transaction(db, () => {
        for (const hour of hours) putHour.run(...hourValues(hour));
        forgetHours.run(sinceMs);
      });
    },
    saveIncident({ incident, dropped }) {
      const body = JSON.stringify(incident);
      transaction(db, () => {
        putIncident.run(incident.id, body, rowCrc(incident.id, body));
        for (const id of dropped) dropIncident.run(id);
      });
    },
    close() {
      db.close();
    },
  };
  return { handlers, ready: undefined };
}

function readHours(db: DatabaseSync, sinceMs: number, exchange: Exchange<readonly ProbeHour[]>) {
  let part: ProbeHour[] = [];
  for (const row of db.prepare("SELECT * FROM hours WHERE hour_ms >= ?").iterate(sinceMs)) {
    const hour = hourOf(row);
    if (hour === undefined) continue;
    part.push(hour);
    if (part.length < hoursAtOnce) continue;
    exchange.emit(part, []);
    part = [];
  }
  if (part.length > 0) exchange.emit(part, []);
}

type HourValues = [string, number, number, number, number, number, Uint8Array, number];

function hourValues(hour: ProbeHour): HourValues {
  const { region, okMs, failedMs, probes, failures } = hour;
  const latencies = new Uint8Array(hour.latencies.length * 4);
  const view = new DataView(latencies.buffer);
  for (const [i, count] of hour.latencies.entries()) view.setUint32(i * 4, count, true);
  const crc = rowCrc(region, hour.hourMs, okMs, failedMs, probes, failures, latencies);
  return [region, hour.hourMs, okMs, failedMs, probes, failures, latencies, crc];
}

/** Undefined: the row is damaged. */
function hourOf(row: Record<string, SQLOutputValue>): ProbeHour | undefined {
  const bytes = row["latencies"] as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const latencies = new Uint32Array(bytes.length >> 2);
  for (let i = 0; i < latencies.length; i++) latencies[i] = view.getUint32(i * 4, true);
  const hour: ProbeHour = {
    region: String(row["region"]),
    hourMs: Number(row["hour_ms"]),
    okMs: Number(row["ok_ms"]),
    failedMs: Number(row["failed_ms"]),
    probes: Number(row["probes"]),
    failures: Number(row["failures"]),
    latencies,
  };
  return row["crc"] === hourValues(hour)[7] ? hour : undefined;
}

function readIncidents(db: DatabaseSync): Incident[] {
  return db
    .prepare("SELECT id, body, crc FROM incidents")
    .all()
    .flatMap((row) => {
      const [id, body] = [String(row["id"]), String(row["body"])];
      return row["crc"] === rowCrc(id, body) ? [JSON.parse(body) as Incident] : [];
    });
}

/** Made once; made anew if it is damaged, which readers of the feed take for another feed. */
function feedId(db: DatabaseSync): string {
  const row = db.prepare("SELECT id, crc FROM feed").get();
  const known = String(row?.["id"] ?? "");
  if (row !== undefined && row["crc"] === rowCrc(known)) return known;
  const id = randomBytes(16).toString("hex");
  transaction(db, () => {
    db.exec("DELETE FROM feed");
    db.prepare("INSERT INTO feed (id, crc) VALUES (?, ?)").run(id, rowCrc(id));
  });
  return id;
}
