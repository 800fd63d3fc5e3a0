/**
 * The connection between one gateway process and the hub: ordered messages while it lasts, nothing
 * guaranteed across a loss. Both ends treat every message as possibly repeated, late or malformed.
 */

import type { EpochMs, Incarnation, ProducerId, Seq, Version, WindowId } from "../base/words.ts";
import type { ProbeResult, ProbeTarget } from "../status/probe.ts";
import type { ConfigFormat } from "./config-store.ts";

export const linkProtocol = 1;
/** Bytes of one message, header and payload. */
export const linkMessageMaxBytes = 4 * 1024 * 1024;
/** Bytes of a message's header. */
export const linkHeaderMaxBytes = 256 * 1024;

/** What a gateway says of itself before anything else. Producer id and secret are proved by the transport. */
export interface Hello {
  readonly kind: "hello";
  readonly protocol: number;
  readonly producer: ProducerId;
  readonly incarnation: Incarnation;
  readonly region: string;
  readonly process: number;
  /** The public address that callers use, for status. */
  readonly listen: string;
  /** "" until the gateway has joined a cluster. */
  readonly clusterId: string;
  readonly view: Version;
  /** Highest registry version saved. */
  readonly registryVersion: number;
  /** Sealed batches in the journal. */
  readonly journal: readonly (readonly [Incarnation, Seq, Seq])[];
  /** It probes other regions when told to, and takes the public status. Undefined: an earlier version, which is sent neither. */
  readonly takesStatus?: boolean | undefined;
}

export type GatewayMessage =
  | Hello
  /** Payload: the sealed bytes. */
  | { readonly kind: "batch"; readonly incarnation: Incarnation; readonly seq: Seq }
  /** The producer no longer has these seqs (inclusive). */
  | {
      readonly kind: "lost";
      readonly incarnation: Incarnation;
      readonly from: Seq;
      readonly to: Seq;
    }
  | Heartbeat
  /** Everything up to `version` is saved and in force. */
  | { readonly kind: "registry-ack"; readonly version: number }
  /** Payload: packed key records newer than the hub's, given back. */
  | { readonly kind: "registry-return"; readonly last: boolean }
  | { readonly kind: "snapshot-request" }
  /** At most `leaseRequestsMax`. May be repeated: the same request gets the same lease. */
  | { readonly kind: "lease-request"; readonly requests: readonly LeaseAsk[] }
  /** In the order in which they ended, at most `probeResultsMax`. */
  | { readonly kind: "probes"; readonly results: readonly ProbeResult[] }
  | AuditReply;

/** Regions that one region asks, at most; with more of them each is asked by its neighbours in the order of the file. */
export const probeTargetsMax = 16;
/** Results of one message of probes, at most. */
export const probeResultsMax = 200;

/** Entries of one message about leases, at most. */
export const leaseRequestsMax = 200;

export interface LeaseAsk {
  /** 1, 2, 3… within this start of the gateway. */
  readonly request: number;
  readonly plan: string;
  readonly limit: string;
  /** `key:…` or `owner:…`. */
  readonly subject: string;
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
  /** Units, at least 1. */
  readonly want: number;
  /** Units that one call costs, at least 1. */
  readonly needed: number;
}

/**
 * `refused`: the hub knows no such strict limit, key or window. `soft`: the limit is not strict in this window, since not all that
 * was used in it was leased.
 */
export type LeaseResult = "granted" | "used-up" | "others-hold" | "fenced" | "soft" | "refused";

export interface LeaseReply {
  readonly request: number;
  readonly result: LeaseResult;
  /** Of a grant; 0 otherwise. */
  readonly units: number;
}

export interface LeaseCounter {
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
}

/** Ways in which a call ends. New ones are put at the end: counts travel in this order. */
export const callOutcomes = [
  "admitted",
  "unmetered",
  "limited",
  "unleased",
  "malformed",
  "unauthorized",
  "forbidden",
  "not-found",
  "preflight",
  "unready",
  "unrecordable",
  "shed",
  "handler-error",
  "upstream-error",
  "timeout",
] as const;

export type CallOutcome = (typeof callOutcomes)[number];

/** What a later version may send of them, at most. */
export const callOutcomesMax = 64;

export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly id: number;
  /** The gateway's monotonic time, echoed by the reply. */
  readonly sentAtMs: number;
  readonly view: Version;
  readonly registryVersion: number;
  /** Charges not covered by the view: units, and age of the oldest in ms. */
  readonly unacknowledgedUnits: number;
  readonly oldestUnacknowledgedMs: number;
  readonly journalBytes: number;
  readonly journalState: string;
  readonly callsPerSecond: number;
  /** p50 and p99 of the lag from admission elsewhere to this view over the last minute, ms. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  /** Of the gateway's best recent heartbeat, ms; undefined or 0: none was answered yet. */
  readonly roundTripMs?: number | undefined;
  /** The most units charged from one heartbeat's tick to the next, over the last minute or so. */
  readonly peakUnits?: number | undefined;
  /** Of the plans, routes and keys that it runs with. */
  readonly rulesVersion?: string | undefined;
  /** The applied configuration that it runs with; "": its file. Undefined: it knows of none and takes none. */
  readonly config?: string | undefined;
  /** The one that it was offered last and refused, and why in a sentence; "": none. */
  readonly configRefused?: string | undefined;
  readonly configProblem?: string | undefined;
  /** Since the last heartbeat, at most `refusalsToldMax`; undefined: none. */
  readonly refusals?: readonly RefusalCount[] | undefined;
  /** Of the calls that ended since the gateway's start; undefined: it does not say. */
  readonly calls?: HeartbeatCalls | undefined;
  /** From the newest key change at the hub to its being in force there, ms; undefined: there was none since its start. */
  readonly keyLagMs?: number | undefined;
}

/** Entries of one heartbeat about refused calls, at most. */
export const refusalsToldMax = 200;

/** Calls with one key that were refused for one reason. */
export interface RefusalCount {
  /** Its id. */
  readonly key: string;
  /** As configured; "" if none was found. */
  readonly route: string;
  readonly reason: string;
  readonly count: number;
  readonly lastMs: number;
}

export interface HeartbeatCalls {
  /** Node time at which these sums were made. */
  readonly atMs: EpochMs;
  /** In the order of `callOutcomes`. */
  readonly outcomes: readonly number[];
  /** Time that the gateway added, over the last minute or so, ms. */
  readonly overheadP50Ms: number;
  readonly overheadP99Ms: number;
}

/** Digests of the windows asked for, all at `view`. Payload, if entries were asked for: `metering/feed-codec` parts. */
export interface AuditReply {
  readonly kind: "audit-reply";
  readonly id: number;
  readonly view: Version;
  readonly windows: readonly WindowDigest[];
  /** More messages of this reply follow. */
  readonly more: boolean;
}

export interface WindowDigest {
  readonly id: string;
  readonly digest: string;
}

export type HubMessage =
  | Welcome
  /** Payload: an encoded update (`metering/feed-codec.ts`). */
  | { readonly kind: "update" }
  /** Clears the way for a snapshot: parts and updates that follow build it. */
  | { readonly kind: "snapshot-begin"; readonly epoch: number }
  /** Payload: encoded totals; values may be newer than the last update before them, never older. */
  | { readonly kind: "snapshot-part" }
  /** The snapshot is whole at `version`, which the last update before this message reached. Payload: all watermarks. */
  | { readonly kind: "snapshot-end"; readonly version: Version }
  /** Payload: packed key records. `version`: the registry's version once they are applied; `last`: caught up. */
  | { readonly kind: "registry"; readonly version: number; readonly last: boolean }
  /** Give back packed records with a version greater than `after`. */
  | { readonly kind: "registry-wanted"; readonly after: number }
  | HeartbeatReply
  /** Send again from `from`: the hub misses it. */
  | { readonly kind: "resend"; readonly incarnation: Incarnation; readonly from: Seq }
  /**
   * At exactly `view` (the hub sends this right after the update that reached it) report digests of all live windows, and
   * all entries of the windows in `entriesOf`.
   */
  | {
      readonly kind: "audit";
      readonly id: number;
      readonly view: Version;
      readonly entriesOf: readonly string[];
    }
  /** Grants are durable. `epoch`: of the hub that gives them. */
  | {
      readonly kind: "lease-answer";
      readonly epoch: number;
      readonly answers: readonly LeaseReply[];
    }
  /** Others ask for units of these counters, and nothing is free. */
  | { readonly kind: "lease-wanted"; readonly counters: readonly LeaseCounter[] }
  /**
   * The configuration in force, by its id. Payload: its text in UTF-8. `files`: none is, and each process goes by its own file. Sent
   * only to gateways whose heartbeats say that they take such.
   */
  | { readonly kind: "config"; readonly id: string; readonly format: ConfigFormat }
  /** Probe these from now on, and no others; at most `probeTargetsMax`. */
  | { readonly kind: "probe-plan"; readonly targets: readonly ProbeTarget[] }
  /** Payload: the public status, JSON in UTF-8, at most `statusDocumentMaxBytes`. */
  | { readonly kind: "public-status" }
  /** The hub will not talk; it closes after this. */
  | { readonly kind: "refused"; readonly code: string; readonly detail: string };

export interface Welcome {
  readonly kind: "welcome";
  readonly protocol: number;
  readonly clusterId: string;
  readonly hashKey: string;
  readonly version: Version;
  readonly hubTimeMs: number;
  /** This producer's watermarks, by incarnation. */
  readonly watermarks: readonly (readonly [Incarnation, Seq])[];
  readonly registryVersion: number;
}

export interface HeartbeatReply {
  readonly kind: "heartbeat-reply";
  readonly id: number;
  readonly sentAtMs: number;
  readonly hubTimeMs: number;
  /** What the newest announced backup covers of this producer; undefined if none was ever made. */
  readonly backup: readonly (readonly [Incarnation, Seq])[] | undefined;
}

/** One end of an open connection. */
export interface LinkEnd<Out, In> {
  /** Queues a message; ignored after the end was closed. */
  send(message: Out, payload?: Uint8Array): void;
  /** Bytes queued and not yet handed to the network. */
  readonly bufferedBytes: number;
  /** One listener, set before the turn of the event loop ends. `payload` is owned by the listener. */
  onMessage(listener: (message: In, payload: Uint8Array) => void): void;
  /** Called once, whoever closed, never from within `close`. No message is delivered after it. */
  onClose(listener: (reason: string) => void): void;
  /** What was sent before goes out first. `reason` is told to the peer: short, ASCII, no secrets. */
  close(reason: string): void;
}

export type GatewayEnd = LinkEnd<GatewayMessage, HubMessage>;
export type HubEnd = LinkEnd<HubMessage, GatewayMessage>;

/**
 * The gateway's side: one attempt to connect. Rejects with `hub-unreachable`, `hub-refused` (not now), `join-refused` or
 * `producer-refused`.
 */
export interface LinkDialer {
  connect(): Promise<GatewayEnd>;
}

/** What the transport proved before it accepted a connection. */
export interface LinkPeer {
  readonly producer: ProducerId;
}

/** The hub's side. The transport has checked join token and producer secret before `onConnection`. */
export interface LinkAcceptor {
  onConnection(listener: (end: HubEnd, peer: LinkPeer) => void): void;
}
