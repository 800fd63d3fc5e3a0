/**
 * What a message's header must look like. Every field that the port names is checked and copied; what a newer version
 * adds is left out. The tables are complete by their types: a message or field added to the port does not compile here
 * until it has a check.
 */

import type { ConfigFormat } from "../../ports/config-store.ts";
import {
  callOutcomesMax,
  type GatewayMessage,
  type HeartbeatCalls,
  type HubMessage,
  type LeaseAsk,
  type LeaseCounter,
  type LeaseReply,
  type LeaseResult,
  leaseRequestsMax,
  probeResultsMax,
  probeTargetsMax,
  type RefusalCount,
  refusalsToldMax,
  type WindowDigest,
} from "../../ports/link.ts";
import type { ProbeOutcome, ProbeResult, ProbeTarget } from "../../status/probe.ts";

/** Characters of a name, an address or a code. */
const nameMaxLength = 256;
/** Characters of a sentence. */
const sentenceMaxLength = 4096;

export type Parsed<Message> =
  | { readonly ok: true; readonly message: Message }
  /** `field`: the path of the first that is wrong. `refusal`: what it is called if not malformed. */
  | { readonly ok: false; readonly field: string; readonly refusal?: MessageRefusal };

export type MessageRefusal = "malformed" | "too-large" | "producer-mismatch";

export function parseGatewayMessage(header: unknown): Parsed<GatewayMessage> {
  return parseByKind<GatewayMessage>(gatewayMessages, header);
}

export function parseHubMessage(header: unknown): Parsed<HubMessage> {
  return parseByKind<HubMessage>(hubMessages, header);
}

class MalformedField extends Error {
  override readonly name = "MalformedField";
}

/** Returns the value checked (objects and arrays copied), or throws `MalformedField` with `path`. */
type Check<T> = (value: unknown, path: string) => T;
type Fields<T> = { readonly [K in keyof T]-?: Check<T[K]> };
type Kinded = { readonly kind: string };
type ChecksByKind<Message extends Kinded> = {
  readonly [K in Message["kind"]]: Check<Extract<Message, { readonly kind: K }>>;
};

function parseByKind<Message extends Kinded>(
  checks: ChecksByKind<Message>,
  header: unknown,
): Parsed<Message> {
  const kind = isRecord(header) ? header["kind"] : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(checks, kind)) return { ok: false, field: "kind" };
  const check: Check<Message> = checks[kind as Message["kind"]];
  try {
    return { ok: true, message: check(header, "") };
  } catch (error) {
    if (error instanceof MalformedField) return { ok: false, field: error.message };
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function when<T>(isValid: (value: unknown) => boolean): Check<T> {
  return (value, path) => {
    if (!isValid(value)) throw new MalformedField(path);
    return value as T;
  };
}

const text = (lengthMax: number): Check<string> =>
  when((value) => typeof value === "string" && value.length <= lengthMax);
const matching = (pattern: RegExp): Check<string> =>
  when((value) => typeof value === "string" && pattern.test(value));
const name = text(nameMaxLength);
const sentence = text(sentenceMaxLength);
const producerId = matching(/^[0-9a-f]{32}$/);
const incarnation = matching(/^[0-9a-f]{16}$/);
const flag: Check<boolean> = when((value) => typeof value === "boolean");
/** Numbers that are kept and compared: from 0 to 2^53 - 1. */
const whole: Check<number> = when((value) => Number.isSafeInteger(value) && (value as number) >= 0);
const seq: Check<number> = when((value) => Number.isSafeInteger(value) && (value as number) >= 1);
/** Numbers that are shown or added to times. */
const finite: Check<number> = when((value) => Number.isFinite(value));

function literal<const T extends string>(expected: T): Check<T> {
  return when((value) => value === expected);
}

function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

function oneOf<const T extends string>(...allowed: readonly T[]): Check<T> {
  return when((value) => allowed.includes(value as T));
}

function list<T>(check: Check<T>, lengthMax = Number.POSITIVE_INFINITY): Check<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > lengthMax) throw new MalformedField(path);
    return value.map((item, i) => check(item, `${path}[${i}]`));
  };
}

function tuple<T extends readonly unknown[]>(...checks: { readonly [I in keyof T]: Check<T[I]> }) {
  return (value: unknown, path: string): T => {
    if (!Array.isArray(value) || value.length !== checks.length) throw new MalformedField(path);
    return checks.map((check, i) => check(value[i], `${path}[${i}]`)) as unknown as T;
  };
}

function object<T>(fields: Fields<T>): Check<T> {
  const entries = Object.entries<Check<unknown>>(fields);
  return (value, path) => {
    if (!isRecord(value)) throw new MalformedField(path);
    const copy: Record<string, unknown> = {};
    for (const [field, check] of entries) {
      copy[field] = check(value[field], path === "" ? field : `${path}.${field}`);
    }
    return copy as T;
  };
}

const fingerprintHalf: Check<number> = when(
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff,
);
const counter = { window: name, lo: fingerprintHalf, hi: fingerprintHalf };

const version = object({ epoch: whole, position: whole });
const watermarks = list(tuple<readonly [string, number]>(incarnation, whole));

const probeOutcome: Check<ProbeOutcome> = oneOf(
  ...(["ok", "refused", "unreachable", "slow"] as const),
);

const gatewayMessages: ChecksByKind<GatewayMessage> = {
  hello: object({
    kind: literal("hello"),
    protocol: whole,
    producer: producerId,
    incarnation,
    region: name,
    process: whole,
    listen: name,
    clusterId: name,
    view: version,
    registryVersion: whole,
    journal: list(tuple<readonly [string, number, number]>(incarnation, whole, whole)),
    takesStatus: optional(flag),
  }),
  batch: object({ kind: literal("batch"), incarnation, seq }),
  lost: object({ kind: literal("lost"), incarnation, from: seq, to: seq }),
  heartbeat: object({
    kind: literal("heartbeat"),
    id: whole,
    sentAtMs: finite,
    view: version,
    registryVersion: whole,
    unacknowledgedUnits: finite,
    oldestUnacknowledgedMs: finite,
    journalBytes: finite,
    journalState: name,
    callsPerSecond: finite,
    lagP50Ms: finite,
    lagP99Ms: finite,
    roundTripMs: optional(finite),
    peakUnits: optional(finite),
    rulesVersion: optional(name),
    config: optional(name),
    configRefused: optional(name),
    configProblem: optional(sentence),
    refusals: optional(
      list(
        object<RefusalCount>({ key: name, route: name, reason: name, count: seq, lastMs: whole }),
        refusalsToldMax,
      ),
    ),
    calls: optional(
      object<HeartbeatCalls>({
        atMs: finite,
        outcomes: list(whole, callOutcomesMax),
        overheadP50Ms: finite,
        overheadP99Ms: finite,
      }),
    ),
    keyLagMs: optional(finite),
  }),
  "registry-ack": object({ kind: literal("registry-ack"), version: whole }),
  "registry-return": object({ kind: literal("registry-return"), last: flag }),
  "snapshot-request": object({ kind: literal("snapshot-request") }),
  "lease-request": object({
    kind: literal("lease-request"),
    requests: list(
      object<LeaseAsk>({
        ...counter,
        request: seq,
        plan: name,
        limit: name,
        subject: name,
        want: seq,
        needed: seq,
      }),
      leaseRequestsMax,
    ),
  }),
  probes: object({
    kind: literal("probes"),
    results: list(
      object<ProbeResult>({
        region: name,
        atMs: finite,
        tookMs: finite,
        latencyMs: finite,
        outcome: probeOutcome,
      }),
      probeResultsMax,
    ),
  }),
  "audit-reply": object({
    kind: literal("audit-reply"),
    id: whole,
    view: version,
    windows: list(object<WindowDigest>({ id: name, digest: name })),
    more: flag,
  }),
};

const leaseResult: Check<LeaseResult> = oneOf(
  ...(["granted", "used-up", "others-hold", "fenced", "soft", "refused"] as const),
);

const configFormat: Check<ConfigFormat> = oneOf("yaml", "json", "files");

const hubMessages: ChecksByKind<HubMessage> = {
  welcome: object({
    kind: literal("welcome"),
    protocol: whole,
    clusterId: name,
    hashKey: matching(/^[0-9a-f]{32}$/),
    version,
    hubTimeMs: finite,
    watermarks,
    registryVersion: whole,
  }),
  update: object({ kind: literal("update") }),
  "snapshot-begin": object({ kind: literal("snapshot-begin"), epoch: whole }),
  "snapshot-part": object({ kind: literal("snapshot-part") }),
  "snapshot-end": object({ kind: literal("snapshot-end"), version }),
  registry: object({ kind: literal("registry"), version: whole, last: flag }),
  "registry-wanted": object({ kind: literal("registry-wanted"), after: whole }),
  "heartbeat-reply": object({
    kind: literal("heartbeat-reply"),
    id: whole,
    sentAtMs: finite,
    hubTimeMs: finite,
    backup: optional(watermarks),
  }),
  resend: object({ kind: literal("resend"), incarnation, from: seq }),
  audit: object({ kind: literal("audit"), id: whole, view: version, entriesOf: list(name) }),
  "lease-answer": object({
    kind: literal("lease-answer"),
    epoch: whole,
    answers: list(
      object<LeaseReply>({ request: seq, result: leaseResult, units: whole }),
      leaseRequestsMax,
    ),
  }),
  "lease-wanted": object({
    kind: literal("lease-wanted"),
    counters: list(object<LeaseCounter>(counter), leaseRequestsMax),
  }),
  config: object({ kind: literal("config"), id: name, format: configFormat }),
  "probe-plan": object({
    kind: literal("probe-plan"),
    targets: list(object<ProbeTarget>({ region: name, url: name }), probeTargetsMax),
  }),
  "public-status": object({ kind: literal("public-status") }),
  refused: object({ kind: literal("refused"), code: name, detail: sentence }),
};
