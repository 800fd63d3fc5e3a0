/** Numbers and times for people. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Every digit: these are counts that people are billed by. */
export function count(value: number): string {
  return whole.format(value);
}

/** For axes and headings: 12.4K. */
export function brief(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

/** Calls a second: one digit after the point where it matters. */
export function rate(value: number): string {
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : brief(Math.round(value));
}

const byteUnits = ["B", "kB", "MB", "GB", "TB"] as const;

export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1_000 && unit < byteUnits.length - 1) {
    rest /= 1_000;
    unit++;
  }
  return `${rest < 10 && unit > 0 ? rest.toFixed(1) : Math.round(rest)} ${byteUnits[unit]}`;
}

export function milliseconds(value: number): string {
  if (value === 0) return "0 ms";
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
}

/** A span of time in its two largest units: `3 h 20 min`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

export function ago(atMs: number, nowMs: number): string {
  return nowMs - atMs < 1_000 ? "now" : `${span(nowMs - atMs)} ago`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `2026-11-27 10:00`, in UTC, which is what windows and reports are in. */
export function instant(at: number | string): string {
  const date = new Date(at);
  const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}
