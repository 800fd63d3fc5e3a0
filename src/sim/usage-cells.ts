/** Calls by everything that reports tell them apart by, as clients and handler saw them. */

import type { EpochMs } from "../base/words.ts";
import type { CallRecord } from "./calls.ts";

const hourMs = 3_600_000;

export interface UsageCell {
  readonly hour: EpochMs;
  readonly region: string;
  readonly route: string;
  readonly subject: string;
  admitted: number;
  delivered: number;
}

export class UsageCells {
  readonly #cells = new Map<string, UsageCell>();

  took(call: CallRecord): void {
    this.#of(call).admitted++;
  }

  delivered(call: CallRecord): void {
    this.#of(call).delivered++;
  }

  all(): readonly UsageCell[] {
    return [...this.#cells.values()];
  }

  #of({ inMinute, region, target, subject }: CallRecord): UsageCell {
    const hour = inMinute.startMs - (inMinute.startMs % hourMs);
    const { route } = target;
    const name = cellName({ hour, region, route, subject });
    let cell = this.#cells.get(name);
    if (cell === undefined) {
      cell = { hour, region, route, subject, admitted: 0, delivered: 0 };
      this.#cells.set(name, cell);
    }
    return cell;
  }
}

export function cellName({
  hour,
  region,
  route,
  subject,
}: Pick<UsageCell, "hour" | "region" | "route" | "subject">): string {
  return `${hour} ${region} ${route} ${subject}`;
}
