/** Values of options: text to value, or a message that commander prints (exit 2). */

import { InvalidArgumentError } from "commander";
import { parseDuration, parseListen } from "../access/config-values.ts";

export function parsePort(text: string): number {
  return parseWhole(text, 1, 65_535);
}

export function parseWhole(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
}

/** Milliseconds of `65ms`, `2s`, `24h`, `30d`. */
export function parseDurationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("Expected a duration: 65ms, 2s, 24h, 30d.");
  return ms;
}

/** As written, of what `parseDurationMs` takes. */
export function parseDurationText(text: string): string {
  parseDurationMs(text);
  return text;
}

/** As `HOST:PORT`; port 0 takes any free one. */
export function parseListenText(text: string): string {
  if (parseListen(text) === undefined) throw new InvalidArgumentError("Expected HOST:PORT.");
  return text;
}

const instantShape =
  /^\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?)?$/;

/** An instant as ISO 8601 in UTC, of `2026-12`, `2026-12-01`, `2026-12-01T08:00Z`, `…+09:00`. */
export function parseInstant(text: string): string {
  const ms = instantShape.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError("Expected a time: 2026-12-01, or 2026-12-01T08:00:00Z.");
  }
  return new Date(ms).toISOString();
}

/** An instant, or a duration counted from now: forwards for `sign` 1, backwards for -1. */
export function parseInstantOrDuration(sign: 1 | -1): (text: string) => string {
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return new Date(Date.now() + sign * ms).toISOString();
    return parseInstant(text);
  };
}

/** For options given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Longest one-way delay of `--latency`: beyond it the link takes the other side for dead. */
export const latencyMsMax = 5_000;

/** Regions and their one-way delays in ms, of `sydney=65ms,seoul=60ms`. */
export function parseLatencies(text: string): ReadonlyMap<string, number> {
  const latencies = new Map<string, number>();
  for (const part of text.split(",")) {
    const [region = "", value = "", ...rest] = part.trim().split("=");
    const ms = parseDuration(value);
    if (region === "" || ms === undefined || rest.length > 0) {
      throw new InvalidArgumentError(
        `Expected REGION=DURATION such as sydney=65ms, found "${part}".`,
      );
    }
    if (ms > latencyMsMax) {
      throw new InvalidArgumentError(`The delay of ${region} is over ${latencyMsMax} ms.`);
    }
    if (latencies.has(region)) throw new InvalidArgumentError(`${region} is there twice.`);
    latencies.set(region, ms);
  }
  return latencies;
}
