/**
 * Looks at the hub's status twice a second and keeps what has changed as events: regions going up and down, warnings that
 * begin and end, batches declared lost, backups, changed configurations. What changes and is back in between is not seen.
 */

import type { CompiledConfig } from "../access/compiled-config.ts";
import type { HubStatus } from "../hub/hub-api.ts";
import type { Clock, Timers } from "../ports/clock.ts";
import type { EventDraft, EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/log.ts";
import { regionsJson } from "./status-view.ts";

const lookEveryMs = 500;
/** After the hub's start gateways need a moment to connect: until then no region is called down. */
export const settleMs = 10_000;
/** Characters of an event's text: warnings are sentences. */
const detailLengthMax = 500;

export interface EventWatchOptions {
  readonly status: () => HubStatus;
  readonly config: () => CompiledConfig;
  readonly events: EventStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** What is compared from look to look. */
interface Seen {
  /** By region: `up`, `degraded`, `down`. */
  readonly health: ReadonlyMap<string, string>;
  /** Sentences by their words without numbers, which change while a warning goes on. */
  readonly warnings: ReadonlyMap<string, string>;
  readonly lost: ReadonlySet<string>;
  readonly backupPosition: number;
  readonly rulesVersion: string;
}

/** Starts with the hub; the first event says so. */
export function watchEvents(options: EventWatchOptions): { stop(): void } {
  const { events, clock, timers, log } = options;
  const startedMs = clock.monotonicMs();
  let seen: Seen | undefined;
  let isWriting = false;

  const look = async (): Promise<void> => {
    // A slow disk: what happens meanwhile is found by the next look.
    if (isWriting) return;
    isWriting = true;
    try {
      const isSettled = clock.monotonicMs() - startedMs >= settleMs;
      const status = options.status();
      const before = seen ?? lastSeen(status, options);
      const now = seenNow(status, options.config(), isSettled ? undefined : before.health);
      const first = seen === undefined ? [startEvent(status)] : [];
      const changes = [...first, ...changesBetween(before, now)];
      const atMs = Math.floor(clock.wallMs());
      if (changes.length > 0) await events.add(changes.map((change) => ({ ...change, atMs })));
      seen = now;
    } catch (error) {
      log.error("events could not be kept; the next look tries again", {}, error);
    } finally {
      isWriting = false;
    }
  };
  const timer = timers.every(lookEveryMs, () => void look());
  return { stop: () => timer.cancel() };
}

type Change = Omit<EventDraft, "atMs">;

function startEvent({ version }: HubStatus): Change {
  return { kind: "hub", subject: "", detail: `started, epoch ${version.epoch}` };
}

/** What an earlier start of the hub has told of the regions; of the rest what is now. */
function lastSeen(status: HubStatus, { config, events }: EventWatchOptions): Seen {
  const now = seenNow(status, config(), undefined);
  const health = new Map<string, string>();
  for (const name of now.health.keys()) {
    const [last] = events.before(Number.MAX_SAFE_INTEGER, 1, { kind: "region", subject: name });
    if (last !== undefined) health.set(name, last.detail);
  }
  return { ...now, health, warnings: new Map() };
}

/** `assumed`: what is said of regions that are not up yet. */
function seenNow(
  status: HubStatus,
  config: CompiledConfig,
  assumed: ReadonlyMap<string, string> | undefined,
): Seen {
  const health = new Map<string, string>();
  for (const region of regionsJson(config, status)) {
    const isUp = region.health === "up";
    const told = isUp || assumed === undefined ? region.health : assumed.get(region.name);
    if (told !== undefined) health.set(region.name, told);
  }
  return {
    health,
    warnings: new Map(status.warnings.map((text) => [text.replaceAll(/\d+/g, "#"), text])),
    lost: new Set(status.lost.map(({ producer, from, to }) => `${producer} ${from}–${to}`)),
    backupPosition: status.backup?.position ?? -1,
    rulesVersion: status.rulesVersion,
  };
}

function changesBetween(before: Seen, now: Seen): Change[] {
  const changes: Change[] = [];
  const add = (kind: Change["kind"], subject: string, detail: string): void => {
    changes.push({ kind, subject, detail: detail.slice(0, detailLengthMax) });
  };
  for (const [region, health] of now.health) {
    if (before.health.get(region) !== health) add("region", region, health);
  }
  for (const [words, text] of now.warnings) {
    if (!before.warnings.has(words)) add("warning", "", `begun: ${text}`);
  }
  for (const [words, text] of before.warnings) {
    if (!now.warnings.has(words)) add("warning", "", `over: ${text}`);
  }
  for (const range of now.lost) {
    if (before.lost.has(range)) continue;
    const [producer = "", batches = ""] = range.split(" ");
    add("lost", producer, `batches ${batches}`);
  }
  if (now.backupPosition > before.backupPosition) {
    add("backup", "", `up to position ${now.backupPosition}`);
  }
  if (now.rulesVersion !== before.rulesVersion) add("config", "", `rules ${now.rulesVersion}`);
  return changes;
}
