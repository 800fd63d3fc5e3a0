/** Values that the configuration writes with units: durations, sizes, addresses to listen on. */

import type { ListenAddress } from "./compiled-config.ts";

const durationUnitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const durationPattern = /^[0-9]{1,9}(ms|s|m|h|d)$/;

/** Milliseconds of `50ms`, `5s`, `10m`, `24h`, `7d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = durationPattern.exec(text);
  if (match === null) return undefined;
  const unit = match[1] as keyof typeof durationUnitsMs;
  return Number(text.slice(0, -unit.length)) * durationUnitsMs[unit];
}

const sizeUnits = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

export const sizePattern = /^[0-9]{1,9}(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

/** Bytes of `512MB` (10^6) or `2GiB` (2^30); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = sizePattern.exec(text);
  if (match === null) return undefined;
  const unit = match[1] as keyof typeof sizeUnits;
  return Number(text.slice(0, -unit.length)) * sizeUnits[unit];
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. */
export const listenPattern =
  /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,252})):([0-9]{1,5})$/;

export function parseListen(text: string): ListenAddress | undefined {
  const match = listenPattern.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  return { host: (match[1] as string).replace(/^\[|\]$/g, ""), port };
}

export function formatListen(address: ListenAddress): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Whether two listeners would take each other's port. */
export function isSameListener(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const one = canonicalHost(a.host);
  const other = canonicalHost(b.host);
  return one === other || isWildcard(one) || isWildcard(other);
}

function canonicalHost(host: string): string {
  return host.toLowerCase() === "localhost" ? "127.0.0.1" : host.toLowerCase();
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
