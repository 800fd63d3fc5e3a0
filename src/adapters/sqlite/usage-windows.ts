/** Hours, days and months of UTC as the ledger has them: their starts, in seconds since 1970. And how to cut a stretch of hours into them. */

const hourSeconds = 3_600;
const daySeconds = 86_400;

export function dayOf(seconds: number): number {
  return seconds - (seconds % daySeconds);
}

export function monthOf(seconds: number): number {
  const date = new Date(seconds * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000;
}

/** The start of the month after the one that `seconds` is in. */
function nextMonth(seconds: number): number {
  const date = new Date(seconds * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / 1000;
}

export type Length = "hour" | "day" | "month";

/** A stretch of whole hours, days or months. */
export interface Piece {
  readonly length: Length;
  /** Inclusive start, exclusive end. */
  readonly from: number;
  readonly to: number;
  /** -1: is to be taken off what the others come to. */
  readonly sign: 1 | -1;
}

/** Whole hours; inclusive start, exclusive end. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Pieces that together are `stretch`: whole months where it has some, whole days and hours at its ends. Where less of a day
 * is left out than taken, the day is taken and the rest taken off, unless that reads more hours than the stretch has. A stretch
 * that reaches to an end of what is `stored` goes on to the end of its day or month, where nothing is.
 */
export function piecesOf(stretch: Stretch, stored: Stretch, upTo: Length): Piece[] {
  const { from, to } = widened(stretch, stored, upTo);
  const pieces: Piece[] = [];
  const add = (length: Length, start: number, end: number, sign: 1 | -1 = 1): void => {
    if (start < end) pieces.push({ length, from: start, to: end, sign });
  };
  const [firstDay, endDay] = [nearestDay(from), nearestDay(to)];
  const atEnds = Math.abs(from - firstDay) + Math.abs(endDay - to);
  if (firstDay >= endDay || to - from <= atEnds) {
    add("hour", from, to);
    return pieces;
  }
  add("hour", from, firstDay);
  add("hour", firstDay, from, -1);
  const firstMonth = firstDay === monthOf(firstDay) ? firstDay : nextMonth(firstDay);
  const endMonth = monthOf(endDay);
  if (firstMonth < endMonth) {
    add("day", firstDay, firstMonth);
    add("month", firstMonth, endMonth);
    add("day", endMonth, endDay);
  } else add("day", firstDay, endDay);
  add("hour", endDay, to);
  add("hour", to, endDay, -1);
  return pieces;
}

function widened(stretch: Stretch, stored: Stretch, upTo: Length): Stretch {
  const { from, to } = stretch;
  const last = Math.max(from, Math.min(to, stored.to) - hourSeconds);
  return {
    from: from <= stored.from ? startOf(stored.from, upTo) : from,
    to: to >= stored.to ? endOf(last, upTo) : to,
  };
}

function nearestDay(seconds: number): number {
  return dayOf(seconds + daySeconds / 2);
}

function startOf(hour: number, length: Length): number {
  if (length === "hour") return hour;
  return length === "day" ? dayOf(hour) : monthOf(hour);
}

export function endOf(hour: number, length: Length): number {
  if (length === "hour") return hour + hourSeconds;
  return length === "day" ? dayOf(hour) + daySeconds : nextMonth(hour);
}

export function isOneWindow({ from, to, length }: Piece): boolean {
  return endOf(from, length) === to;
}

export interface Window extends Stretch {
  /** Of the whole window; the stretch may be a part of it. */
  readonly start: number;
}

/** The windows of `length` that lie in `stretch`, in order. */
export function* windowsOf(stretch: Stretch, length: Length): Generator<Window> {
  for (let { from } = stretch; from < stretch.to; ) {
    const end = endOf(from, length);
    yield { start: startOf(from, length), from, to: Math.min(end, stretch.to) };
    from = end;
  }
}
