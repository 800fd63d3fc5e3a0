/**
 * The trace that a call belongs to, as W3C Trace Context writes it: `00-<trace id>-<span id>-<flags>`. Pure.
 * https://www.w3.org/TR/trace-context/
 */

import type { Random } from "../ports/clock.ts";
import type { HeaderList } from "../ports/listener.ts";

export interface TraceParent {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Undefined for what is not valid: such a trace begins anew. Of later versions what this one knows is read. */
export function parseTraceparent(text: string): TraceParent | undefined {
  const match = traceparent.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

/** The trace that a request came with; undefined if it has none, or more than one. */
export function traceOf(headers: HeaderList): TraceParent | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== traceparentName.length || name.toLowerCase() !== traceparentName) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found === undefined ? undefined : parseTraceparent(found);
}

/**
 * For an upstream where nobody records traces here: the gateway is the parent. A trace that begins here is not sampled by
 * anybody yet.
 */
export function onwardTraceparent(caller: TraceParent | undefined, random: Random): string {
  return formatTraceparent({
    traceId: caller?.traceId ?? hex64(random) + hex64(random),
    spanId: hex64(random),
    isSampled: caller?.isSampled ?? false,
  });
}

/** 16 hex digits, not all zero. Ids of traces need not be hard to guess. */
function hex64(random: Random): string {
  const high = 1 + Math.floor(random.fraction() * 0xffff_fffe);
  const low = Math.floor(random.fraction() * 0x1_0000_0000);
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

export const traceparentName = "traceparent";
