/** The rows of configurations that were applied through the admin API. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type ConfigDraft,
  type ConfigFormat,
  type ConfigHead,
  configsKept,
  type StoredConfig,
} from "../../ports/config-store.ts";
import { rowCrc } from "./row-crc.ts";

export const configTable = `
  -- Configurations applied through the admin API; the one of the highest number is in force. format: yaml, json, or files.
  CREATE TABLE configs (
    number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL, format TEXT NOT NULL,
    text TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
`;

/** Within the caller's transaction. */
export class ConfigWriter {
  readonly #last: StatementSync;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;

  constructor(db: DatabaseSync) {
    this.#last = db.prepare("SELECT max(number) AS number FROM configs");
    this.#insert = db.prepare("INSERT INTO configs VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#forget = db.prepare("DELETE FROM configs WHERE number <= ?");
  }

  add(draft: ConfigDraft): StoredConfig {
    const number = Number(this.#last.get()?.["number"] ?? 0) + 1;
    const { atMs, actor, note, format, text } = draft;
    const stored: StoredConfig = { number, atMs, actor, note, format, text };
    this.#insert.run(number, atMs, actor, note, format, text, crcOf(stored));
    this.#forget.run(number - configsKept);
    return stored;
  }
}

/** Undefined: the row is damaged. */
export function storedConfig(row: Record<string, SQLOutputValue>): StoredConfig | undefined {
  const config: StoredConfig = {
    number: Number(row["number"]),
    atMs: Number(row["at_ms"]),
    actor: String(row["actor"]),
    note: String(row["note"]),
    format: String(row["format"]) as ConfigFormat,
    text: String(row["text"]),
  };
  return row["crc"] === crcOf(config) ? config : undefined;
}

export function headOf({ text, ...config }: StoredConfig): ConfigHead {
  return { ...config, characters: text.length };
}

function crcOf({ number, atMs, actor, note, format, text }: StoredConfig): number {
  return rowCrc(number, atMs, actor, note, format, text);
}
