/**
 * Asks every gateway for the digests of its totals at one version, and compares them with what was recomputed. Where a
 * window differs, its entries are asked for as well, at a later version, to name the counters.
 */

import { compareVersions, type EpochMs, type Version, type WindowId } from "../base/words.ts";
import { CounterTable } from "../limits/counter-table.ts";
import { digestText, emptyDigestText } from "../limits/totals-digest.ts";
import { parseWindowId } from "../limits/window.ts";
import { decodePart } from "../metering/feed-codec.ts";
import type { Clock, Timers } from "../ports/clock.ts";
import type { WindowDigest } from "../ports/link.ts";
import type { Differences } from "./differences.ts";
import type { GatewaySession } from "./gateway-session.ts";
import type { HubTotals } from "./hub-totals.ts";
import type { HubWindow } from "./hub-window.ts";
import type { Replicator } from "./replicator.ts";

/** How long a gateway may take to be ready for an audit, and to answer one. */
export const auditTimeoutMs = 10_000;
const readyLookMs = 20;

/** Windows whose entries are asked for, and counters of one that are copied to compare with, at most. */
const windowsMax = 8;
const entriesMax = 1_000_000;

/** A gateway drops ended windows by its own estimate of the time, so only those that still run are compared. */
const endedMarginMs = 1_000;

export interface AuditParts {
  /** Moves with the fold, record by record. */
  readonly expected: HubTotals;
  readonly replicator: Replicator;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly hubTimeMs: () => EpochMs;
  readonly differences: Differences;
  readonly isCancelled: () => boolean;
}

interface Answer {
  readonly view: Version;
  readonly digests: ReadonlyMap<WindowId, string>;
  readonly entries: ReadonlyMap<WindowId, CounterTable>;
}

let lastId = 0;

/** `equal`, `differs` or why the gateway could not be asked. */
export async function auditGateway(session: GatewaySession, parts: AuditParts): Promise<string> {
  if (!(await isReady(session, parts))) return "could not be asked: its view is not up to date";
  const first = await ask(session, parts, []);
  if (typeof first === "string") return `could not be asked: ${first}`;
  const region = session.hello?.region ?? "";
  const differing = first.expected.filter(
    ({ id, digest }) =>
      isRead(id, region) && (first.answer.digests.get(id) ?? emptyDigestText) !== digest,
  );
  const known = new Set(first.expected.map(({ id }) => id));
  for (const [id, digest] of first.answer.digests) {
    if (known.has(id) || digest === emptyDigestText || isOver(id, parts.hubTimeMs())) continue;
    differing.push({ id, digest: emptyDigestText });
  }
  if (differing.length === 0) return "equal";
  await nameCounters(session, parts, differing.map(({ id }) => id).slice(0, windowsMax));
  return "differs";
}

/** Waits until the session has every update. */
async function isReady(session: GatewaySession, parts: AuditParts): Promise<boolean> {
  const untilMs = parts.clock.monotonicMs() + auditTimeoutMs;
  while (session.feed !== "live") {
    if (!session.isOpen || parts.isCancelled()) return false;
    if (parts.clock.monotonicMs() > untilMs) return false;
    await new Promise<void>((resolve) => parts.timers.after(readyLookMs, resolve));
  }
  return true;
}

interface Asked {
  readonly answer: Answer;
  /** Of the windows that still run, at the version asked for. */
  readonly expected: readonly WindowDigest[];
  readonly copies: ReadonlyMap<WindowId, CounterTable>;
}

async function ask(
  session: GatewaySession,
  parts: AuditParts,
  entriesOf: readonly WindowId[],
): Promise<Asked | string> {
  parts.replicator.publish();
  if (session.feed !== "live") return "it lags behind";
  // From here to `sendAudit` in one turn: version, digests and copies belong together.
  const view = parts.replicator.version;
  const nowMs = parts.hubTimeMs();
  const expected = [...parts.expected.windows.values()]
    .filter(({ endMs }) => endMs > nowMs + endedMarginMs)
    .map(({ id, table }) => ({ id, digest: digestText(table) }));
  const copies = new Map<WindowId, CounterTable>();
  for (const id of entriesOf) copies.set(id, copyOf(parts.expected.windows.get(id)));
  lastId += 1;
  const id = lastId;
  const answered = receive(session, parts, id);
  session.sendAudit({ id, view, entriesOf });
  const answer = await answered;
  if (typeof answer === "string") return answer;
  if (compareVersions(answer.view, view) !== 0) {
    return `its view is at ${answer.view.epoch}:${answer.view.position}, not ${view.epoch}:${view.position}`;
  }
  return { answer, expected, copies };
}

/** Gathers the messages of one reply. */
function receive(session: GatewaySession, parts: AuditParts, id: number): Promise<Answer | string> {
  return new Promise((resolve) => {
    const digests = new Map<WindowId, string>();
    const entries = new Map<WindowId, CounterTable>();
    const end = (result: Answer | string): void => {
      timer.cancel();
      watch.cancel();
      session.onAuditReply = undefined;
      resolve(result);
    };
    const seconds = auditTimeoutMs / 1_000;
    const timer = parts.timers.after(auditTimeoutMs, () => end(`no answer within ${seconds} s`));
    const watch = parts.timers.every(readyLookMs, () => {
      if (!session.isOpen || parts.isCancelled()) end("its connection was closed");
    });
    session.onAuditReply = (reply, payload) => {
      if (reply.id !== id) return;
      for (const { id: window, digest } of reply.windows) digests.set(window, digest);
      if (payload.length > 0 && !addEntries(entries, payload))
        return end("its answer is malformed");
      if (!reply.more) end({ view: reply.view, digests, entries });
    };
  });
}

function addEntries(entries: Map<WindowId, CounterTable>, payload: Uint8Array): boolean {
  const part = decodePart(payload);
  if ("malformed" in part) return false;
  for (const { id, lo, hi, net } of part.windows) {
    const table = entries.get(id) ?? new CounterTable();
    entries.set(id, table);
    for (let i = 0; i < lo.length; i++) {
      table.setTotal(lo[i] as number, hi[i] as number, net[i] as number);
    }
  }
  return true;
}

/** Names the counters of windows that differ; a window too large to be compared is named as a whole. */
async function nameCounters(
  session: GatewaySession,
  parts: AuditParts,
  windows: readonly WindowId[],
): Promise<void> {
  const { differences } = parts;
  const where = `${session.hello?.region}/${session.hello?.process}`;
  const small = windows.filter(
    (id) => (parts.expected.windows.get(id)?.table.count ?? 0) <= entriesMax,
  );
  const asked = small.length === 0 ? "" : await ask(session, parts, small);
  const before = differences.count;
  if (typeof asked !== "string") {
    for (const [id, copy] of asked.copies) {
      compareTables(
        { where, window: id },
        { copy, held: asked.answer.entries.get(id) },
        differences,
      );
    }
  }
  if (differences.count > before) return;
  for (const window of windows) {
    differences.other({ where, window, subject: "(its digest differs)", expected: 0, found: 0 });
  }
}

function compareTables(
  at: { where: string; window: WindowId },
  tables: { copy: CounterTable; held: CounterTable | undefined },
  differences: Differences,
): void {
  const { copy, held } = tables;
  copy.forEach((lo, hi, expected) => {
    const found = held?.total(lo, hi) ?? 0;
    if (found !== expected) differences.counter({ ...at, lo, hi, expected, found });
  });
  held?.forEach((lo, hi, found) => {
    if (found !== 0 && copy.total(lo, hi) === 0) {
      differences.counter({ ...at, lo, hi, expected: 0, found });
    }
  });
}

function copyOf(window: HubWindow | undefined): CounterTable {
  const copy = new CounterTable();
  window?.table.forEach((lo, hi, total) => {
    if (total > 0) copy.setTotal(lo, hi, total);
  });
  return copy;
}

/** A gateway holds the windows of all regions and those of its own. */
function isRead(id: WindowId, region: string): boolean {
  const window = parseWindowId(id);
  return window !== undefined && (window.region === "" || window.region === region);
}

function isOver(id: WindowId, nowMs: EpochMs): boolean {
  const window = parseWindowId(id);
  return window === undefined || window.endMs <= nowMs + endedMarginMs;
}
