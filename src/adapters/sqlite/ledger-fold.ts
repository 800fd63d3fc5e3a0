/** The fold's state in the ledger: version, horizon, watermarks, parked batches, lost ranges. */

import type { DatabaseSync } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import type { ProducerKey } from "../../base/words.ts";
import type { FoldCheckpoint, ProducerCheckpoint } from "../../ports/ledger-store.ts";
import { rowCrc } from "./row-crc.ts";
import { Statements } from "./statements.ts";

type Parked = ProducerCheckpoint["parked"][number];

export class FoldRows {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #file: string;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#statements = new Statements(db);
    this.#file = file;
  }

  /** Undefined if nothing was ever saved. Fails with `data-damaged`: a wrong watermark would count wrongly for ever. */
  read(): Omit<FoldCheckpoint, "fenceMs" | "strictSince"> | undefined {
    const row = this.#db.prepare("SELECT epoch, position, horizon_ms, crc FROM fold").get();
    if (row === undefined) return undefined;
    const version = { epoch: Number(row["epoch"]), position: Number(row["position"]) };
    const horizonMs = Number(row["horizon_ms"]);
    this.#check(row["crc"] === rowCrc(version.epoch, version.position, horizonMs));
    const parked = this.#readParked();
    const producers = this.#db
      .prepare("SELECT producer, last, lost, crc FROM producers ORDER BY producer")
      .all()
      .map((stored): ProducerCheckpoint => {
        const producer = String(stored["producer"]);
        const last = Number(stored["last"]);
        const lost = String(stored["lost"]);
        this.#check(stored["crc"] === rowCrc(producer, last, lost));
        const ranges = JSON.parse(lost) as ProducerCheckpoint["lost"];
        return { producer, last, parked: parked.get(producer) ?? [], lost: ranges };
      });
    return { version, horizonMs, producers };
  }

  #readParked(): Map<ProducerKey, Parked[]> {
    const parked = new Map<ProducerKey, Parked[]>();
    const rows = this.#db
      .prepare("SELECT producer, seq, bytes, crc FROM parked ORDER BY producer, seq")
      .all();
    for (const row of rows) {
      const producer = String(row["producer"]);
      const seq = Number(row["seq"]);
      const bytes = row["bytes"] as Uint8Array;
      this.#check(row["crc"] === rowCrc(producer, seq, bytes));
      const batches = parked.get(producer) ?? [];
      batches.push({ seq, bytes });
      parked.set(producer, batches);
    }
    return parked;
  }

  #check(intact: boolean): void {
    if (intact) return;
    throw new TallygateError(
      "data-damaged",
      `The fold's state in ${this.#file} is damaged: rebuild the ledger with replay, or restore a backup.`,
    );
  }

  /** Within the caller's transaction. Rows that did not change are not written. */
  write({ version, horizonMs, producers }: FoldCheckpoint): void {
    const { epoch, position } = version;
    this.#db.exec("DELETE FROM fold");
    this.#statements
      .get("INSERT INTO fold (epoch, position, horizon_ms, crc) VALUES (?, ?, ?, ?)")
      .run(epoch, position, horizonMs, rowCrc(epoch, position, horizonMs));
    const put =
      this.#statements.get(`INSERT INTO producers (producer, last, lost, crc) VALUES (?, ?, ?, ?)
      ON CONFLICT (producer) DO UPDATE SET last = excluded.last, lost = excluded.lost, crc = excluded.crc
      WHERE crc <> excluded.crc OR last <> excluded.last OR lost <> excluded.lost`);
    for (const { producer, last, lost } of producers) {
      const text = JSON.stringify(lost);
      put.run(producer, last, text, rowCrc(producer, last, text));
    }
    this.#forget(new Set(producers.map(({ producer }) => producer)));
    this.#writeParked(producers);
  }

  #forget(kept: ReadonlySet<ProducerKey>): void {
    const remove = this.#statements.get("DELETE FROM producers WHERE producer = ?");
    const rows: unknown = this.#statements.arrays("SELECT producer FROM producers").all();
    for (const [producer] of rows as [string][]) {
      if (!kept.has(producer)) remove.run(producer);
    }
  }

  #writeParked(producers: readonly ProducerCheckpoint[]): void {
    const nameOf = (producer: string, seq: number): string => `${seq} ${producer}`;
    const kept = new Set(
      producers.flatMap(({ producer, parked }) => parked.map(({ seq }) => nameOf(producer, seq))),
    );
    const stored = new Set<string>();
    const remove = this.#statements.get("DELETE FROM parked WHERE producer = ? AND seq = ?");
    const rows: unknown = this.#statements.arrays("SELECT producer, seq FROM parked").all();
    for (const [producer, seq] of rows as [string, number][]) {
      if (kept.has(nameOf(producer, seq))) stored.add(nameOf(producer, seq));
      else remove.run(producer, seq);
    }
    const insert = this.#statements.get(
      "INSERT INTO parked (producer, seq, bytes, crc) VALUES (?, ?, ?, ?)",
    );
    for (const { producer, parked } of producers) {
      for (const { seq, bytes } of parked) {
        // The content of a batch is fixed: what is stored under this seq is the same.
        if (stored.has(nameOf(producer, seq))) continue;
        insert.run(producer, seq, bytes, rowCrc(producer, seq, bytes));
      }
    }
  }
}
