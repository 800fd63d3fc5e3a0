/**
 * The omniscient record of a run: every call as its client saw it, and whether it was forwarded. Checkers know this and
 * the public contract, nothing of how the system counts.
 */

import type { SimExchange } from "./exchange.ts";

export interface CallRecord {
  readonly exchange: SimExchange;
  /** Name of the gateway and number of its start. */
  readonly gateway: string;
  readonly start: number;
  /** Key id; "" for callers without a key. */
  readonly key: string;
  /** `key:<id>` or `ip:<address>`. */
  readonly subject: string;
  /** Start of the minute of admission by the gateway's own time. */
  readonly minuteMs: number;
  readonly atMs: number;
  /** Of its plan, as configured. */
  readonly limits: Limits;
}

export interface Limits {
  readonly minute: number;
  readonly day: number;
}

/** Sums by subject, by subject and minute, by gateway's start… */
export class Sums {
  readonly all = new Map<string, number>();

  add(name: string, units = 1): void {
    this.all.set(name, this.get(name) + units);
  }

  get(name: string): number {
    return this.all.get(name) ?? 0;
  }
}

export class Ledger {
  /** Forwarded to the handler: what was really admitted. */
  readonly admitted = new Sums();
  /** Answered with 200: what must be counted. */
  readonly delivered = new Sums();
  /** Forwarded by one start of one gateway, and not given back. */
  readonly own = new Sums();
  admissions = 0;
  denials = 0;
  readonly minutes = new Set<number>();

  /** The call reached the handler. */
  took(call: CallRecord): void {
    this.admissions++;
    this.minutes.add(call.minuteMs);
    this.admitted.add(call.subject);
    this.admitted.add(inMinute(call.subject, call.minuteMs));
    this.own.add(byStart(call));
    this.own.add(`${byStart(call)} ${call.minuteMs}`);
  }

  replied(call: CallRecord): void {
    const { status } = call.exchange;
    if (status === 429) this.denials++;
    // Forwarded, but the charge could not be stored: its units were given back.
    if (status === 503 && call.exchange.forwards > 0) {
      this.own.add(`${byStart(call)} ${call.minuteMs}`, -1);
    }
    if (status !== 200) return;
    this.delivered.add(call.subject);
    this.delivered.add(inMinute(call.subject, call.minuteMs));
  }
}

export function inMinute(subject: string, minuteMs: number): string {
  return `${subject} ${minuteMs}`;
}

export function byStart({ gateway, start, subject }: CallRecord): string {
  return `${gateway}/${start} ${subject}`;
}
