/**
 * `traceparent`: the caller's trace is continued, or one is begun, so that what an upstream logs can be found from what the
 * gateway logs. Source: W3C Trace Context, level 1.
 */

import type { Random } from "../ports/clock.ts";
import type { HeaderList } from "../ports/listener.ts";

/** The caller's, as far as it is well-formed. */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 2 hex digits; bit 0: sampled. */
  readonly flags: string;
}

/** Version, trace id, parent id, flags; later versions may go on. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);

/** Undefined: none, more than one, or a malformed one. */
export function readTraceParent(headers: HeaderList): TraceParent | undefined {
  let value: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== 11 || name.toLowerCase() !== "traceparent") continue;
    if (value !== undefined) return undefined;
    value = headers[i + 1] as string;
  }
  const found = value === undefined ? null : form.exec(value);
  if (found === null) return undefined;
  const [, version, traceId = noTrace, parentId, flags = "00", more] = found;
  if (version === "ff" || traceId === noTrace || parentId === noParent) return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, flags: (Number.parseInt(flags, 16) & 1) === 1 ? "01" : "00" };
}

/** For the upstream: the gateway is the parent. A trace that begins here is not sampled by anybody yet. */
export function traceParentField(caller: TraceParent | undefined, random: Random): string {
  const traceId = caller?.traceId ?? hex64(random) + hex64(random);
  return `00-${traceId}-${hex64(random)}-${caller?.flags ?? "00"}`;
}

/** 16 hex digits, not all zero. Ids of traces need not be hard to guess. */
function hex64(random: Random): string {
  const high = 1 + Math.floor(random.fraction() * 0xffff_fffe);
  const low = Math.floor(random.fraction() * 0x1_0000_0000);
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
