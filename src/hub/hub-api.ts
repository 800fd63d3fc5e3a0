/**
 * What the control plane may ask of the hub. The hub implements it; `control` and tests see nothing else of the hub.
 * Failures are `TallygateError`s: `request-invalid`, `not-found`, `ledger-failed`…
 */

import type { ReportFormat } from "../base/report-lines.ts";
import type { EpochMs, Position, Seq, Version, WindowId } from "../base/words.ts";
import type { AuditDraft } from "../ports/audit-log.ts";
import type {
  OpenReport,
  OutcomeQuery,
  OutcomeRow,
  ReportQuery,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../ports/ledger-store.ts";
import type { HeartbeatCalls } from "../ports/link.ts";

export interface Restrictions {
  readonly referers: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
}

export interface KeyRequest {
  readonly plan: string;
  readonly name: string;
  readonly owner: string;
  /** 0: never. */
  readonly expiresAtMs: EpochMs;
  readonly mode: "live" | "test";
  readonly restrict: Restrictions;
}

export interface KeyChange {
  readonly plan?: string;
  readonly name?: string;
  readonly expiresAtMs?: EpochMs;
  readonly restrict?: Restrictions;
}

/** One key as the admin API shows it; never a secret. */
export interface KeyView {
  readonly id: string;
  readonly plan: string;
  readonly name: string;
  readonly owner: string;
  readonly createdAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly revoked: boolean;
  readonly restrict: Restrictions;
  /** Highest registry version of its credentials; serves as ETag. */
  readonly version: number;
  /** The secrets that open it: more than one while a rotation overlaps. */
  readonly credentials: readonly {
    readonly id: string;
    readonly createdAtMs: EpochMs;
    readonly expiresAtMs: EpochMs;
    readonly revoked: boolean;
  }[];
}

export interface OwnerView {
  readonly owner: string;
  readonly keys: number;
  /** Neither revoked nor expired. */
  readonly active: number;
  /** Of the active keys, by name. */
  readonly plans: readonly string[];
  /** The oldest key's making. */
  readonly sinceMs: EpochMs;
  /** False: there are more keys than a list by owner reaches, and these are some. */
  readonly complete: boolean;
}

export interface CreatedKey extends KeyView {
  /** Shown this one time. */
  readonly key: string;
}

/** What the audit log is to say of a change; the registry adds the key's id. */
export type KeyAudit = Omit<AuditDraft, "target">;

/** A change is stored together with its entry of the audit log. */
export interface RegistryApi {
  /** `request-invalid` where the plan does not exist or a restriction is not valid. */
  create(request: KeyRequest, audit?: KeyAudit): Promise<CreatedKey>;
  list(options: { after: string; limit: number; owner?: string }): readonly KeyView[];
  /** By name, those > `after`, at most `limit`. */
  owners(after: string, limit: number): readonly string[];
  owner(name: string): OwnerView | undefined;
  get(id: string): KeyView | undefined;
  update(id: string, change: KeyChange, audit?: KeyAudit): Promise<KeyView>;
  /** A second secret; the older ones expire after `overlapMs` (0: at once). */
  rotate(id: string, overlapMs: number, audit?: KeyAudit): Promise<CreatedKey>;
  /** Idempotent: doing it again stores nothing. */
  revoke(id: string, audit?: KeyAudit): Promise<KeyView>;
  count(): number;
}

export interface ProcessStatus {
  readonly producer: string;
  readonly region: string;
  readonly process: number;
  readonly listen: string;
  readonly connected: boolean;
  /** Milliseconds since its last heartbeat. */
  readonly heardAgoMs: number;
  readonly view: Version;
  /** Records that its view is behind the hub's. */
  readonly viewBehind: number;
  readonly registryVersion: number;
  readonly unacknowledgedUnits: number;
  readonly oldestUnacknowledgedMs: number;
  readonly journalBytes: number;
  readonly journalState: string;
  readonly callsPerSecond: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  /** The most units charged in one interval of heartbeats, over the last minute or so. */
  readonly peakUnits: number;
  /** Of the plans, routes and keys that it runs with; "" if it does not say. */
  readonly rulesVersion: string;
  /** Id of the applied configuration that it runs with; "": its file. */
  readonly config: string;
  /** Why it did not take the newest; "": it did, or was not told of it yet. */
  readonly configProblem: string;
  readonly roundTripMs: number;
  readonly watermarks: readonly (readonly [string, Seq])[];
  /** Undefined: it has not said. */
  readonly calls: HeartbeatCalls | undefined;
  /** Of the newest change of a key that reached it; undefined: none did since its start. */
  readonly keyLagMs: number | undefined;
}

/** What a limit's newest closed window came to. */
export interface ClosedOvershoot {
  readonly plan: string;
  readonly limit: string;
  readonly window: string;
  /** Counters beyond the quota, the units that they are beyond it in all, and the most of one. */
  readonly counters: number;
  readonly units: number;
  readonly largestUnits: number;
  /** Of all windows of this limit that closed since the hub's start. */
  readonly unitsTotal: number;
  /** Highest bound for one counter while the window ran, from measured peaks and lags. */
  readonly boundUnits: number;
}

export interface OvershootStatus {
  /** With the peaks and lags of late: what one counter may come to hold beyond its quota. */
  readonly boundUnits: number;
  /** Counters above a quota that could not be told apart: too many at once, or not in the ledger. */
  readonly unnamed: number;
  readonly closed: readonly ClosedOvershoot[];
}

/** Leases of all live windows. */
export interface LeaseStatus {
  /** Counters that were leased of. */
  readonly counters: number;
  /** Units granted and not given back. */
  readonly heldUnits: number;
  readonly consumedUnits: number;
  /** Of the held ones, those not charged yet as far as the hub knows: stranded if nobody spends them. */
  readonly unusedUnits: number;
  /** Nothing is granted in windows that begin before this instant; 0: no fence was ever made. */
  readonly fencedUntilMs: EpochMs;
}

export interface HubStatus {
  readonly clusterId: string;
  readonly version: Version;
  readonly timeMs: EpochMs;
  readonly checkpoint: { readonly position: Position; readonly atMs: EpochMs };
  readonly stream: { readonly first: Position; readonly last: Position; readonly bytes: number };
  readonly ledgerBytes: number;
  readonly registry: { readonly version: number; readonly keys: number };
  /** Of the plans, routes and keys that the hub runs with; "" if it was not told. */
  readonly rulesVersion: string;
  /** Undefined: no backup was ever announced; then losing the hub's disk loses counts. */
  readonly backup: { readonly atMs: EpochMs; readonly position: Position } | undefined;
  readonly counters: number;
  readonly gaps: readonly { readonly producer: string; readonly from: Seq }[];
  readonly lost: readonly { readonly producer: string; readonly from: Seq; readonly to: Seq }[];
  /** Sentences for the operator, empty when all is well. */
  readonly warnings: readonly string[];
  readonly processes: readonly ProcessStatus[];
  readonly overshoot: OvershootStatus;
  readonly leases: LeaseStatus;
}

/** A counter that has used much of its quota, in a window that runs. */
export interface NearLimit {
  readonly plan: string;
  readonly limit: string;
  readonly window: WindowId;
  /** Text of the subject: `key:k_1`, `ip:203.0.113.7`. */
  readonly subject: string;
  readonly used: number;
  readonly quota: number;
}

export interface NearLimits {
  /** Of the quota: from here on a counter is near it. */
  readonly share: number;
  /** Those of the newest look at all counters, highest share first. */
  readonly counters: readonly NearLimit[];
  /** Others are as near and not listed. */
  readonly more: number;
  /** When that look ended; 0: the first one is under way. */
  readonly atMs: EpochMs;
}

export interface VerifyDifference {
  /** `ledger`, `hub`, `stream` or a region's name with its process: `seoul/0`. */
  readonly where: string;
  readonly window: string;
  /** Subject text, or the fingerprint in hex if the ledger does not know it. */
  readonly subject: string;
  readonly expected: number;
  readonly found: number;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly version: Version;
  /** Recomputed from the sealed checkpoint at this position and the stream after it. */
  readonly sealedPosition: Position;
  readonly records: number;
  readonly counters: number;
  readonly rows: number;
  /** First ones only; `differenceCount` has all. */
  readonly differences: readonly VerifyDifference[];
  readonly differenceCount: number;
  readonly regions: readonly {
    readonly name: string;
    readonly process: number;
    /** `equal`, `differs` or why it could not be asked. */
    readonly result: string;
  }[];
  /** Damaged records and other things that are wrong, in sentences. */
  readonly problems: readonly string[];
}

/** Calls with one key that a region refused for one reason. */
export interface KeyRefusal {
  readonly key: string;
  readonly region: string;
  readonly route: string;
  /** `limited:<limit>`, `unleased`, or a reason of the gateway's problems: `key-restricted`. */
  readonly reason: string;
  /** Since the first one that is remembered. */
  readonly count: number;
  readonly lastMs: EpochMs;
}

export interface HubApi {
  readonly registry: RegistryApi;
  status(): HubStatus;
  /** Of these keys, the latest first: what gateways have told of the last day, as far as it is kept. */
  refusals(keys: readonly string[]): readonly KeyRefusal[];
  /** Looks go on for a minute after this was asked for. */
  nearLimits(): NearLimits;
  /** Includes everything folded when it was called. */
  usage(query: UsageQuery): Promise<readonly UsageReportRow[]>;
  /** The same as pages, see `LedgerStore.usagePage`. */
  usagePage(query: UsageQuery): Promise<UsagePage>;
  /** The same, for reports of any length. Whoever opens one closes it; `too-busy` while too many are open. */
  openReport(query: ReportQuery, format: ReportFormat): Promise<OpenReport>;
  /** How calls ended, refused ones included; everything folded when it was called. */
  outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]>;
  /** One at a time; a second call while one runs gets the same report. */
  verify(): Promise<VerifyReport>;
  /** Writes a consistent copy of all hub data to a new file. */
  backup(file: string): Promise<{
    readonly bytes: number;
    readonly position: Position;
    /** Call it once the copy is where it is safe: from then on gateways may forget what it holds. */
    announce(): Promise<void>;
  }>;
  /**
   * Lets strict limits grant again in windows that had begun before a restore. Only the operator knows that no other hub runs and
   * that no grants are out that this one does not know of; if there are, quotas are exceeded by them.
   */
  liftFence(): Promise<void>;
  /** Declares what a vanished producer never sent as lost, durably. */
  declareLost(producer: string, incarnation: string): Promise<void>;
}
