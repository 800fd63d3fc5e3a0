/** Checks of what becomes of keys that the admin revoked. */

import type { CallRecord } from "./calls.ts";
import type { Report } from "./violation.ts";

/** After so long every gateway that is connected refuses the key. */
const reachesWithinMs = 5_000;

export class KeyCheckers {
  readonly #report: Report;
  /** When the admin was told that it is done, by subject. */
  readonly #revokedAtMs = new Map<string, number>();

  constructor(report: Report) {
    this.#report = report;
  }

  revoked(keyId: string, nowMs: number): void {
    this.#revokedAtMs.set(`key:${keyId}`, nowMs);
  }

  /** A backup may be older than what was revoked: a hub that has forgotten it has to be told again. */
  restored(): void {
    this.#revokedAtMs.clear();
  }

  /** `isCalm`: the gateway has been connected for long enough. */
  replied({ exchange, subject, gateway, atMs }: CallRecord, isCalm: boolean): void {
    if (exchange.status !== 200 || !isCalm) return;
    const sinceMs = atMs - (this.#revokedAtMs.get(subject) ?? Number.POSITIVE_INFINITY);
    if (sinceMs <= reachesWithinMs) return;
    this.#report("I26", `${subject} is accepted by ${gateway} ${sinceMs} ms after it was revoked`);
  }
}
