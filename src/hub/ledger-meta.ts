/** The small named values that the hub keeps in the ledger. */

import type { EpochMs, Position, ProducerKey, Seq } from "../base/words.ts";
import type { Random } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { Cluster } from "./hub-parts.ts";

/** What the newest backup holds. */
export interface BackupCoverage {
  readonly atMs: EpochMs;
  readonly position: Position;
  readonly watermarks: readonly (readonly [ProducerKey, Seq])[];
}

/** A copy of the ledger that `verify` found right: what recomputing starts from. */
export interface SealedCheckpoint {
  readonly position: Position;
  readonly atMs: EpochMs;
  readonly file: string;
}

const names = {
  cluster: "cluster",
  epoch: "epoch",
  backup: "backup",
  sealed: "sealed",
  restored: "restored",
} as const;

/** The cluster's identity; made at the hub's very first start. */
export async function loadCluster(ledger: LedgerStore, random: Random): Promise<Cluster> {
  const saved = await read<Cluster>(ledger, names.cluster);
  if (saved !== undefined) return saved;
  const cluster = { clusterId: random.hex(16), hashKey: random.hex(16) };
  await write(ledger, names.cluster, cluster);
  return cluster;
}

/** The highest epoch that was ever published; 0: none. */
export async function loadEpoch(ledger: LedgerStore): Promise<number> {
  return (await read<number>(ledger, names.epoch)) ?? 0;
}

/** Before anything of that epoch is published. */
export function saveEpoch(ledger: LedgerStore, epoch: number): Promise<void> {
  return write(ledger, names.epoch, epoch);
}

export function loadBackup(ledger: LedgerStore): Promise<BackupCoverage | undefined> {
  return read<BackupCoverage>(ledger, names.backup);
}

export function saveBackup(ledger: LedgerStore, backup: BackupCoverage): Promise<void> {
  return write(ledger, names.backup, backup);
}

export async function loadSealed(ledger: LedgerStore): Promise<readonly SealedCheckpoint[]> {
  return (await read<readonly SealedCheckpoint[]>(ledger, names.sealed)) ?? [];
}

export function saveSealed(
  ledger: LedgerStore,
  sealed: readonly SealedCheckpoint[],
): Promise<void> {
  return write(ledger, names.sealed, sealed);
}

/** Says that these files come from a backup: the next start takes a higher epoch and a new era of key versions. */
export function markRestored(ledger: LedgerStore): Promise<void> {
  return write(ledger, names.restored, true);
}

export async function isRestored(ledger: LedgerStore): Promise<boolean> {
  return (await read<boolean>(ledger, names.restored)) ?? false;
}

export function clearRestored(ledger: LedgerStore): Promise<void> {
  return write(ledger, names.restored, false);
}

async function read<T>(ledger: LedgerStore, name: string): Promise<T | undefined> {
  const text = await ledger.getMeta(name);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

function write(ledger: LedgerStore, name: string, value: unknown): Promise<void> {
  return ledger.setMeta(name, JSON.stringify(value));
}
