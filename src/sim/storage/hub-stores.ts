/**
 * The hub's ledger and registry on simulated disks. What a process leaves behind is in the stores in memory; what it writes
 * takes effect there when the disk says so, and never once another process has the disk.
 */

import { TallygateError } from "../../base/errors.ts";
import type { ReportFormat } from "../../base/report-lines.ts";
import type { EpochMs, Position, WindowId } from "../../base/words.ts";
import { markRestored } from "../../hub/ledger-meta.ts";
import { MemoryLedger } from "../../hub/testing/memory-ledger.ts";
import { MemoryRegistry } from "../../hub/testing/memory-registry.ts";
import type { AuditDraft, AuditLog } from "../../ports/audit-log.ts";
import type { ConfigStore } from "../../ports/config-store.ts";
import type { EventStore } from "../../ports/event-store.ts";
import type {
  LedgerColumns,
  LedgerDelta,
  LedgerStore,
  LoadedLedger,
  OpenReport,
  OutcomeQuery,
  OutcomeRow,
  ReportQuery,
  UsageCheck,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import type { PortalStore } from "../../ports/portal-store.ts";
import type { RegistryRow, RegistryStore } from "../../ports/registry-store.ts";
import type { TokenStore } from "../../ports/token-store.ts";
import type { MountedDisk } from "./disk.ts";

export class SimLedger implements LedgerStore {
  readonly #image: MemoryLedger;
  readonly #disk: MountedDisk;
  #isClosed = false;

  constructor(image: MemoryLedger, disk: MountedDisk) {
    this.#image = image;
    this.#disk = disk;
  }

  load(
    onTotals: (columns: LedgerColumns) => void,
    options?: { readonly withSubjects?: boolean },
  ): Promise<LoadedLedger | undefined> {
    return this.#image.load(onTotals, options);
  }

  /** Whole or not at all: what it starts takes effect before the next event. */
  async checkpoint(delta: LedgerDelta): Promise<void> {
    if (this.#isClosed) throw new TallygateError("ledger-failed", "the ledger is closed");
    await this.#disk.write(() => this.#image.checkpoint(delta));
  }

  subjectOf(window: WindowId, lo: number, hi: number): Promise<string | undefined> {
    return this.#image.subjectOf(window, lo, hi);
  }

  usage(query: UsageQuery): Promise<readonly UsageReportRow[]> {
    return this.#image.usage(query);
  }

  usagePage(query: UsageQuery): Promise<UsagePage> {
    return this.#image.usagePage(query);
  }

  openReport(query: ReportQuery, format: ReportFormat): Promise<OpenReport> {
    return this.#image.openReport(query, format);
  }

  checkUsage(): Promise<UsageCheck> {
    return this.#image.checkUsage();
  }

  outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]> {
    return this.#image.outcomes(query);
  }

  getMeta(name: string): Promise<string | undefined> {
    return this.#image.getMeta(name);
  }

  async setMeta(name: string, value: string): Promise<void> {
    await this.#disk.write(() => this.#image.setMeta(name, value));
  }

  copyTo(file: string): Promise<void> {
    return this.#image.copyTo(file);
  }

  bytes(): number {
    return this.#image.bytes();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

/** What the operator does to bring a backup back. Returns the position that it holds. */
export async function restoreLedger(
  image: MemoryLedger,
  file: string,
  atMs: EpochMs,
): Promise<Position> {
  const from = image.files.get(file)?.copy() ?? new MemoryLedger();
  const position = await markRestored(from, atMs);
  const { totals, rows, observations, meta, leases, fold } = from;
  Object.assign(image, { totals, rows, observations, meta, leases, fold });
  return position;
}

/** A registry and the copies of it that are in backups. */
export class RegistryImage extends MemoryRegistry {
  readonly copies = new Map<string, MemoryRegistry>();

  restore(file: string): void {
    const from = this.copies.get(file)?.copy();
    if (from === undefined) return;
    const { rows, producers, meta } = from;
    Object.assign(this, { rows, producers, meta });
    this.idempotent.clear();
  }
}

export class SimRegistry implements RegistryStore {
  readonly #image: RegistryImage;
  readonly #disk: MountedDisk;

  constructor(image: RegistryImage, disk: MountedDisk) {
    this.#image = image;
    this.#disk = disk;
  }

  lastVersion(): number {
    return this.#image.lastVersion();
  }

  count(): number {
    return this.#image.count();
  }

  /** Nobody uses the admin API here: log, events, tokens and people are not on the disk that fails. */
  get audit(): AuditLog {
    return this.#image.audit;
  }

  get events(): EventStore {
    return this.#image.events;
  }

  get configs(): ConfigStore {
    return this.#image.configs;
  }

  get tokens(): TokenStore {
    return this.#image.tokens;
  }

  get portal(): PortalStore {
    return this.#image.portal;
  }

  async put(rows: readonly RegistryRow[], audit?: AuditDraft): Promise<void> {
    await this.#disk.write(() => this.#image.put(rows, audit));
  }

  byKey(keyId: string): readonly RegistryRow[] {
    return this.#image.byKey(keyId);
  }

  byHash(hash: string): RegistryRow | undefined {
    return this.#image.byHash(hash);
  }

  byOwner(owner: string, limit: number): readonly RegistryRow[] {
    return this.#image.byOwner(owner, limit);
  }

  owners(after: string, limit: number): readonly string[] {
    return this.#image.owners(after, limit);
  }

  after(version: number, limit: number): readonly RegistryRow[] {
    return this.#image.after(version, limit);
  }

  list(after: string, limit: number): readonly RegistryRow[] {
    return this.#image.list(after, limit);
  }

  producerSecret(producer: string): string | undefined {
    return this.#image.producerSecret(producer);
  }

  async putProducer(producer: string, secretHash: string): Promise<void> {
    await this.#disk.write(() => this.#image.putProducer(producer, secretHash));
  }

  getIdempotent(key: string): string | undefined {
    return this.#image.getIdempotent(key);
  }

  async putIdempotent(key: string, answer: string, nowMs: number): Promise<void> {
    await this.#disk.write(() => this.#image.putIdempotent(key, answer, nowMs));
  }

  getMeta(name: string): string | undefined {
    return this.#image.getMeta(name);
  }

  setMeta(name: string, value: string): void {
    if (this.#disk.isMounted) this.#image.setMeta(name, value);
  }

  async copyInto(file: string): Promise<void> {
    this.#image.copies.set(file, this.#image.copy());
  }

  async close(): Promise<void> {}
}
