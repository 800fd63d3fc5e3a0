/**
 * Checks of the staleness guard: who is cut off for longer than a limit allows admits nothing under it, whichever of the two ages
 * says so; and so, whatever happens to the network, the quota is exceeded by no more than Theorem 2 says.
 */

import type { GatewayMessage, HubMessage } from "../ports/link.ts";
import { type CallRecord, isForgotten, type MinuteSums } from "./calls.ts";
import type { Report } from "./violation.ts";

/** An age that is told by the hub's time may come out shorter than it is by as much, while that time is being put right. */
const slewedShare = 1.25;
const slewedMs = 100;

/** What is known of the gateway that admits. */
export interface Guarded {
  /** Producer and incarnation. */
  readonly holder: string;
  readonly monotonicMs: number;
  /** Calls of the counter by this start that are in the version of the totals that it says it holds; undefined: not known. */
  covered(): number | undefined;
}

interface GuardedMinute {
  readonly inMinute: MinuteSums;
  readonly subject: string;
  readonly limits: CallRecord["limits"];
}

export class GuardCheckers {
  readonly #report: Report;
  /** The newest heartbeat of each start that was answered, by when it was sent. */
  readonly #echoes = new Map<string, number>();
  /** When each start admitted what, by counter. */
  readonly #own = new Map<string, number[]>();
  readonly #minutes = new Map<MinuteSums, GuardedMinute>();
  readonly #mixed = new Set<MinuteSums>();

  constructor(report: Report) {
    this.#report = report;
  }

  message(holder: string, message: GatewayMessage | HubMessage): void {
    if (message.kind !== "heartbeat-reply") return;
    const before = this.#echoes.get(holder) ?? Number.NEGATIVE_INFINITY;
    this.#echoes.set(holder, Math.max(before, message.sentAtMs));
  }

  /** A call reached the handler. */
  took(call: CallRecord, guarded: Guarded): void {
    const { limits, subject, gateway, inMinute, atMs, start } = call;
    const { stalenessMs } = limits;
    // Of a key that was moved others' calls may be under another plan, and of an ended window somebody may have forgotten them.
    if (stalenessMs === undefined || isForgotten(call)) this.#mixed.add(inMinute);
    if (stalenessMs === undefined) return;
    const before = this.#minutes.get(inMinute);
    const isMore = before === undefined || before.limits.minute < limits.minute;
    if (isMore) this.#minutes.set(inMinute, { inMinute, subject, limits });
    const sinceEcho = guarded.monotonicMs - (this.#echoes.get(guarded.holder) ?? -Infinity);
    if (sinceEcho > stalenessMs) {
      this.#report("I16", `${subject} is admitted by ${gateway}, ${sinceEcho} ms after an echo`);
    }
    if (call.hasLost) return;
    const own = this.#ownOf(`${start} ${subject} ${inMinute.startMs}`);
    own.push(atMs);
    const oldestMs = own[guarded.covered() ?? own.length];
    if (oldestMs === undefined || atMs - oldestMs <= longest(stalenessMs)) return;
    const age = atMs - oldestMs;
    this.#report("I16", `${subject} is admitted by ${gateway}, which alone knows of ${age} ms`);
  }

  /**
   * Theorem 2, at rest: over the quota by no more than the others could admit in two stretches of the staleness. It holds where
   * whatever was charged stayed charged.
   */
  atRest(): void {
    for (const { inMinute, subject, limits } of this.#minutes.values()) {
      if (this.#mixed.has(inMinute)) continue;
      const over = inMinute.delivered - limits.minute;
      if (over <= 0) continue;
      const most = longest(limits.stalenessMs ?? 0);
      const gateways = Map.groupBy(inMinute.admissions, ({ gateway }) => gateway);
      const bursts = [...gateways.values()].map((admissions) => {
        return burst(
          admissions.map(({ atMs }) => atMs),
          most,
        );
      });
      // Whoever admitted last may be the one that admits least.
      const bound = 2 * (sum(bursts) - Math.min(...bursts));
      if (over <= bound) continue;
      this.#report("Theorem 2", `${subject}: ${over} over, of at most ${bound}`);
    }
  }

  #ownOf(name: string): number[] {
    let own = this.#own.get(name);
    if (own === undefined) {
      own = [];
      this.#own.set(name, own);
    }
    return own;
  }
}

function longest(stalenessMs: number): number {
  return stalenessMs * slewedShare + slewedMs;
}

/** The most of these instants, which rise, that are in one stretch of `ms`. */
function burst(instants: readonly number[], ms: number): number {
  let most = 0;
  let from = 0;
  for (const [to, atMs] of instants.entries()) {
    while ((instants[from] as number) < atMs - ms) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
