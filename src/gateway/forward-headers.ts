/**
 * The header fields that go to an upstream, and those of its reply that come back.
 *
 * Not passed on to an upstream: fields of the connection, keys where a key may stand, and whatever claims to say where
 * a call comes from. Host is left to the upstream client; the caller's own goes into
 * X-Forwarded-Host.
 */

import type { KeySource } from "../access/compiled-config.ts";
import type { HeaderList } from "../ports/listener.ts";
import { connectionOptions, hopByHopFields, ownFields } from "./reply-fields.ts";
import { traceparentName } from "./trace-context.ts";

const via = "1.1 tallygate";

/** Who sent the call on, as the gateway believes it. */
export interface Forwarded {
  /** The caller's whole address. */
  readonly address: string;
  readonly protocol: string;
  /** "" if the request had none. */
  readonly host: string;
  readonly requestId: string;
  /** Takes the place of the caller's; "": that one is passed on. */
  readonly traceparent: string;
}

const spoofable = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-real-ip",
  "x-request-id",
];

/** Set or answered by the gateway itself. */
const own = ["host", "expect"];

/** Names of fields that are never forwarded, for a configuration's key sources. */
export function withheldFields(sources: readonly KeySource[]): ReadonlySet<string> {
  const withheld = new Set([...hopByHopFields, ...spoofable, ...own]);
  for (const source of sources) if (source.kind === "header") withheld.add(source.name);
  return withheld;
}

export interface ForwardRules {
  readonly withheld: ReadonlySet<string>;
  /** A bearer token is a key; other schemes of Authorization are the upstream's business. */
  readonly hasBearerKeys: boolean;
}

export function forwardHeaders(
  headers: HeaderList,
  rules: ForwardRules,
  forwarded: Forwarded,
): string[] {
  const named = namedByConnection(headers);
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    if (rules.withheld.has(name) || named?.includes(name)) continue;
    if (name === "authorization" && rules.hasBearerKeys && isBearer(value)) continue;
    if (name === "via") continue;
    if (name === traceparentName && forwarded.traceparent !== "") continue;
    out.push(name, value);
  }
  const earlier = viaOf(headers);
  out.push("via", earlier === "" ? via : `${earlier}, ${via}`);
  out.push("x-forwarded-for", forwarded.address, "x-forwarded-proto", forwarded.protocol);
  if (forwarded.host !== "") out.push("x-forwarded-host", forwarded.host);
  out.push("x-request-id", forwarded.requestId);
  if (forwarded.traceparent !== "") out.push(traceparentName, forwarded.traceparent);
  return out;
}

/** An upstream's reply fields without those of its connection and those that are the gateway's. */
export function replyHeaders(headers: HeaderList): string[] {
  const named = namedByConnection(headers);
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (hopByHopFields.has(name) || ownFields.has(name) || named?.includes(name)) continue;
    out.push(name, headers[i + 1] as string);
  }
  return out;
}

function isBearer(value: string): boolean {
  return value.slice(0, 7).toLowerCase() === "bearer ";
}

/** Undefined in the ordinary case that nothing but keep-alive or close is named. */
function namedByConnection(headers: HeaderList): string[] | undefined {
  let named: string[] | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    const value = headers[i + 1] as string;
    if (value === "keep-alive" || value === "close") continue;
    named = (named ?? []).concat(connectionOptions(value));
  }
  return named;
}

function viaOf(headers: HeaderList): string {
  let value = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== 3 || name.toLowerCase() !== "via") continue;
    value = value === "" ? (headers[i + 1] as string) : `${value}, ${headers[i + 1]}`;
  }
  return value;
}
