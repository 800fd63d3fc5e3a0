/** The rows of events: at most `eventsKept` of them. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type EventDraft,
  type EventFilter,
  type EventKind,
  eventsKept,
  type StoredEvent,
} from "../../ports/event-store.ts";
import { rowCrc } from "./row-crc.ts";

export const eventTable = `
  -- What happened to the cluster. AUTOINCREMENT: a number is never given again.
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
`;

/** Within the caller's transaction. */
export class EventWriter {
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      "INSERT INTO events (at_ms, kind, subject, detail, crc) VALUES (?, ?, ?, ?, ?)",
    );
    this.#forget = db.prepare("DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?");
  }

  add(events: readonly EventDraft[]): void {
    for (const event of events) {
      const { atMs, kind, subject, detail } = event;
      this.#insert.run(atMs, kind, subject, detail, crcOf(event));
    }
    this.#forget.run(eventsKept);
  }
}

export type Select = readonly [sql: string, values: readonly (string | number)[]];

export function selectEventsAfter(seq: number, limit: number): Select {
  return ["SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", [seq, limit]];
}

/** Without an index for the filter: there are few rows. */
export function selectEventsBefore(
  seq: number,
  limit: number,
  { kind, subject }: EventFilter,
): Select {
  const where = ["seq < ?"];
  const values: (string | number)[] = [seq];
  for (const [column, value] of Object.entries({ kind, subject })) {
    if (value === undefined) continue;
    where.push(`${column} = ?`);
    values.push(value);
  }
  const sql = `SELECT * FROM events WHERE ${where.join(" AND ")} ORDER BY seq DESC LIMIT ?`;
  return [sql, [...values, limit]];
}

/** Undefined: the row is damaged. */
export function storedEvent(row: Record<string, SQLOutputValue>): StoredEvent | undefined {
  const event: StoredEvent = {
    seq: Number(row["seq"]),
    atMs: Number(row["at_ms"]),
    kind: String(row["kind"]) as EventKind,
    subject: String(row["subject"]),
    detail: String(row["detail"]),
  };
  return row["crc"] === crcOf(event) ? event : undefined;
}

function crcOf({ atMs, kind, subject, detail }: EventDraft): number {
  return rowCrc(atMs, kind, subject, detail);
}
