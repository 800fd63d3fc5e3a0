/** Tables of the ledger, named for the people who look into it. */

import { applicationIds, type DatabaseSpec } from "./database.ts";
import { sumsFromRows, sumsTable, usageIndexes } from "./usage-sums.ts";
import { windowTables } from "./window-rows.ts";

const leaseTables = `
  -- Leases: what of a counter is granted, held and consumed. \`book\` is JSON, see hub/hub-leases.ts.
  CREATE TABLE leases (
    window TEXT NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL, book TEXT NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (window, lo, hi)
  ) STRICT, WITHOUT ROWID;
  -- Limits that are strict, and since when; the empty name has the instant before which windows get no grants.
  CREATE TABLE strict (name TEXT PRIMARY KEY, since_ms INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const schema = `
  ${windowTables}
  -- Counters: absolute totals. \`fingerprint\` is the subject's keyed hash; \`crc\` is over fingerprint, charged
  -- and refunded, \`subject_crc\` over the subject, which is written once.
  CREATE TABLE totals (
    window INTEGER NOT NULL, fingerprint INTEGER NOT NULL, subject TEXT NOT NULL,
    charged INTEGER NOT NULL, refunded INTEGER NOT NULL, crc INTEGER NOT NULL, subject_crc INTEGER NOT NULL,
    PRIMARY KEY (window, fingerprint)
  ) STRICT, WITHOUT ROWID;
  -- Usage by the hour (seconds since 1970, UTC): what invoices and reports are made of.
  CREATE TABLE usage (
    hour INTEGER NOT NULL, region TEXT NOT NULL, route TEXT NOT NULL, plan TEXT NOT NULL, owner TEXT NOT NULL,
    "key" TEXT NOT NULL, address TEXT NOT NULL, referer TEXT NOT NULL,
    calls INTEGER NOT NULL, units INTEGER NOT NULL, refunded_calls INTEGER NOT NULL, refunded_units INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (hour, region, route, plan, owner, "key", address, referer)
  ) STRICT, WITHOUT ROWID;
  ${usageIndexes}
  ${sumsTable}
  CREATE TABLE observations (
    hour INTEGER NOT NULL, region TEXT NOT NULL, route TEXT NOT NULL, plan TEXT NOT NULL, outcome TEXT NOT NULL,
    calls INTEGER NOT NULL, bytes INTEGER NOT NULL, time_ms REAL NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (hour, region, route, plan, outcome)
  ) STRICT, WITHOUT ROWID;
  -- The fold's state: one row, and one for each producer and incarnation.
  CREATE TABLE fold (
    epoch INTEGER NOT NULL, position INTEGER NOT NULL, horizon_ms INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE producers (
    producer TEXT PRIMARY KEY, last INTEGER NOT NULL, lost TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE parked (
    producer TEXT NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (producer, seq)
  ) STRICT, WITHOUT ROWID;
  ${leaseTables}
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

export function ledgerSpec(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.ledger,
    version: 3,
    schema,
    upgrades: [leaseTables, `${usageIndexes}${sumsTable}${sumsFromRows}`],
    synchronous: "full",
    cacheKiB: 128 * 1024,
    autoCheckpointPages: 8192,
    failed: "ledger-failed",
  };
}
