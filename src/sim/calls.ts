/**
 * The omniscient record of a run: every call as its client saw it, and whether it was forwarded. Checkers know this and
 * the public contract, nothing of how the system counts.
 */

import type { SimExchange } from "./exchange.ts";
import type { Target } from "./targets.ts";
import { UsageCells } from "./usage-cells.ts";

const minuteMs = 60_000;

export interface Limits {
  readonly minute: number;
  readonly day: number;
  /** Of the minute. */
  readonly isStrict?: boolean;
  /** How long a gateway may be cut off and still admit in the minute. */
  readonly stalenessMs?: number;
}

export interface CallRecord {
  readonly exchange: SimExchange;
  readonly target: Target;
  readonly gateway: string;
  readonly region: string;
  /** The gateway with these disks. */
  readonly disks: string;
  /** Name of the gateway and number of its start. */
  readonly start: string;
  /** Undefined: none was sent. */
  readonly secret: string | undefined;
  /** `key:<id>` or `ip:<address>`. */
  readonly subject: string;
  /** Sums of its subject, and of its subject in the minute of admission by the gateway's own time. */
  readonly all: SubjectSums;
  readonly inMinute: MinuteSums;
  readonly atMs: number;
  /** Of its plan, as the gateway's start has read them; of a key that is being moved, those of the plan that allows the most. */
  readonly limits: Limits;
  /** Of the plan that allows the least, in the minute. */
  readonly least: number;
  /** Is its plan's? Unknown: of a key that is being moved. */
  readonly isStrict: "yes" | "no" | "unknown";
  /** Of windows that had ended by then any process may have forgotten what it knew. */
  readonly forgottenMs: number;
  /** Some of what the gateway's start has charged went with the stream, and is forgotten. */
  readonly hasLost: boolean;
  /** Windows that begin by then are not strict for its key, which has been moved. */
  readonly softUntilMs: number;
}

/** An admission, as far as others' views matter. */
export interface Admission {
  readonly atMs: number;
  readonly gateway: string;
}

/** The minute in which it is charged ended so long before the time of any process that somebody may have forgotten its charges. */
export function isForgotten({ inMinute, forgottenMs }: CallRecord): boolean {
  return inMinute.endMs <= forgottenMs;
}

export class MinuteSums {
  readonly startMs: number;
  /** Forwarded: what was really admitted. */
  admitted = 0;
  /** Of these, those that will not be given back whatever comes. */
  kept = 0;
  /** Answered with 200: what must be counted. */
  delivered = 0;
  /** Forwarded by one start of one gateway and not given back, by start. */
  readonly own = new Map<string, number>();
  readonly admissions: Admission[] = [];
  /** Some call in it may have been decided by a limit that is not strict. */
  isSoft = false;

  constructor(startMs: number) {
    this.startMs = startMs;
  }

  get endMs(): number {
    return this.startMs + minuteMs;
  }
}

export class SubjectSums {
  readonly subject: string;
  admitted = 0;
  delivered = 0;
  readonly minutes = new Map<number, MinuteSums>();

  constructor(subject: string) {
    this.subject = subject;
  }

  minute(startMs: number): MinuteSums {
    let sums = this.minutes.get(startMs);
    if (sums === undefined) {
      sums = new MinuteSums(startMs);
      this.minutes.set(startMs, sums);
    }
    return sums;
  }
}

export class Ledger {
  readonly subjects = new Map<string, SubjectSums>();
  admissions = 0;
  denials = 0;
  /** Those in which something was admitted. */
  readonly minutes = new Set<number>();
  readonly cells = new UsageCells();

  of(subject: string): SubjectSums {
    let sums = this.subjects.get(subject);
    if (sums === undefined) {
      sums = new SubjectSums(subject);
      this.subjects.set(subject, sums);
    }
    return sums;
  }

  /** The call reached the handler. */
  took(call: CallRecord): void {
    const { all, inMinute, start, atMs, gateway, target, isStrict } = call;
    this.cells.took(call);
    if (isStrict !== "yes") inMinute.isSoft = true;
    this.admissions++;
    this.minutes.add(inMinute.startMs);
    all.admitted++;
    inMinute.admitted++;
    // What will be given back is no part of what must be known at any moment.
    if (!target.isRefunded) {
      inMinute.kept++;
      inMinute.own.set(start, (inMinute.own.get(start) ?? 0) + 1);
    }
    inMinute.admissions.push({ atMs, gateway });
  }

  replied(call: CallRecord): void {
    const { exchange, all, inMinute, start, target } = call;
    const { status, forwards } = exchange;
    if (status === 429) this.denials++;
    // Forwarded, but the charge could not be stored: its units were given back.
    if (status === 503 && forwards > 0 && !target.isRefunded) {
      inMinute.own.set(start, (inMinute.own.get(start) ?? 0) - 1);
    }
    if (status !== 200) return;
    this.cells.delivered(call);
    all.delivered++;
    inMinute.delivered++;
  }
}
