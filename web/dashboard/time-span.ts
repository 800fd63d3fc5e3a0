/** Spans of time that reports are about: whole UTC hours. */

export const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const spans = ["hour", "day", "month", "7d", "30d"] as const;
export type Span = (typeof spans)[number];

export const spanText: Readonly<Record<Span, string>> = {
  hour: "This hour",
  day: "Today",
  month: "This month",
  "7d": "7 days",
  "30d": "30 days",
};

export function isSpan(text: string | undefined): text is Span {
  return text !== undefined && (spans as readonly string[]).includes(text);
}

export interface TimeSpan {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

/** Ends with the present hour. */
export function spanOf(span: Span, nowMs: number): TimeSpan {
  const hour = Math.floor(nowMs / hourMs) * hourMs;
  const toMs = hour + hourMs;
  const now = new Date(nowMs);
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const from: Readonly<Record<Span, number>> = {
    hour,
    day: Math.floor(nowMs / dayMs) * dayMs,
    month,
    "7d": toMs - 7 * dayMs,
    "30d": toMs - 30 * dayMs,
  };
  return { fromMs: from[span], toMs };
}

/** Every window that begins in the span: reports leave out those without calls. */
export function windowsIn({ fromMs, toMs }: TimeSpan, window: "hour" | "day"): number[] {
  const step = window === "hour" ? hourMs : dayMs;
  const times: number[] = [];
  for (let ms = Math.floor(fromMs / step) * step; ms < toMs; ms += step) times.push(ms);
  return times;
}
