/** Which limits a counter of a window is held against, as far as its subject tells. */

import type { WindowInstance } from "../limits/window.ts";

/** One limit that refuses, as the configuration has it. */
export interface OvershootLimit {
  readonly plan: string;
  readonly limit: string;
  readonly per: string;
  /** `WindowSpec.text`. */
  readonly window: string;
  readonly scope: "region" | "global";
  readonly quota: number;
  readonly isStrict?: boolean;
}

/** Whether the limit counts in this window. */
export function isOn(limit: OvershootLimit, window: WindowInstance | undefined): boolean {
  if (window === undefined || limit.window !== window.spec.text) return false;
  return (limit.scope === "region") === (window.region !== "");
}

/**
 * A key's counter is held against its plan's limits; any other one against the highest quota that some plan gives such a
 * counter, since its total does not say whose plan charged it.
 */
export function limitsOfSubject(
  subject: string,
  limits: readonly OvershootLimit[],
  planOfKey: (keyId: string) => string | undefined,
): readonly OvershootLimit[] {
  const per = perOf(subject);
  const block = blockOf(subject);
  const pers = limits.some((limit) => limit.per === block) ? block : per;
  const same = limits.filter((limit) => limit.per === pers);
  if (per === "key") {
    const plan = planOfKey(subject.slice("key:".length));
    return same.filter((limit) => limit.plan === plan);
  }
  const highest = Math.max(...same.map(({ quota }) => quota));
  return same.filter(({ quota }) => quota === highest).slice(0, 1);
}

/** `header:x-team=red` → `header:x-team`, `ip:::1` → `ip`. */
function perOf(subject: string): string {
  const isNamed = /^(header|query|path):/.test(subject);
  return subject.slice(0, subject.indexOf(isNamed ? "=" : ":"));
}

/** `ip:2001:db8::/56` → `ip/56`, which may be a ceiling's or merely how long a caller's own prefix is; "" for all that is no IPv6 block. */
function blockOf(subject: string): string {
  return /^ip:[0-9a-f:]*:[0-9a-f:]*\/[0-9]+$/.test(subject)
    ? `ip${subject.slice(subject.indexOf("/"))}`
    : "";
}
