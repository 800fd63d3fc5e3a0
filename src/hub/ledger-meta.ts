/** The small named values that the hub keeps in the ledger. */

import type {
  EpochMs,
  Incarnation,
  Position,
  ProducerId,
  ProducerKey,
  Seq,
} from "../base/words.ts";
import type { Random } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { Reign } from "./epochs.ts";
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
  reigns: "reigns",
  backup: "backup",
  sealed: "sealed",
  restored: "restored",
  position: "position",
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

/** The starts before the one of the saved epoch, oldest first. */
export async function loadReigns(ledger: LedgerStore): Promise<readonly Reign[]> {
  return (await read<readonly Reign[]>(ledger, names.reigns)) ?? [];
}

export function saveReigns(ledger: LedgerStore, reigns: readonly Reign[]): Promise<void> {
  return write(ledger, names.reigns, reigns);
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

/** What a ledger that is built anew must keep of the one it replaces. */
export async function copyMeta(from: LedgerStore, to: LedgerStore): Promise<void> {
  for (const name of Object.values(names)) {
    const text = await from.getMeta(name);
    if (text !== undefined) await to.setMeta(name, text);
  }
}

/**
 * Says that the ledger comes from a backup: the next start takes a higher epoch and a new era of key versions. Offline. Returns
 * the position that the ledger holds, which is also kept as meta `position`: the stream that goes with it is new and
 * gives positions above.
 *
 * The backup, of `backupAtMs`, is again the newest that there is, and a copy does not know of itself: without being told so,
 * gateways that have just started would trim by age what only they and the restored ledger hold.
 */
export async function markRestored(ledger: LedgerStore, backupAtMs: EpochMs): Promise<Position> {
  const loaded = await ledger.load(() => {});
  const position = loaded?.fold.version.position ?? 0;
  const producers = loaded?.fold.producers ?? [];
  const watermarks = producers.map(({ producer, last }) => [producer, last] as const);
  await saveBackup(ledger, { atMs: backupAtMs, position, watermarks });
  await write(ledger, names.position, position);
  await write(ledger, names.restored, true);
  return position;
}

/**
 * Where a stream that is made for this ledger begins: behind what the ledger holds. Until the hub has begun on a restored
 * ledger, a stream that is there already may be an empty one that a crash left behind.
 */
export async function streamStart(
  ledger: LedgerStore,
  options: { readonly hasStream: boolean },
): Promise<Position> {
  if (options.hasStream && !(await isRestored(ledger))) return 0;
  return (await read<Position>(ledger, names.position)) ?? 0;
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

/** What a backup covers of one producer. */
export function coverageOf(
  producer: ProducerId,
  { watermarks }: BackupCoverage,
): readonly (readonly [Incarnation, Seq])[] {
  const prefix = `${producer}/`;
  return watermarks
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, seq]) => [key.slice(prefix.length), seq] as const);
}
