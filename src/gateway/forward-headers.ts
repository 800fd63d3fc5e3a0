/**
 * The header fields that go to an upstream, and those of its reply that come back.
 *
 * Not passed on to an upstream: fields of the connection, keys where a key may stand (unless asked for), and whatever
 * claims to say where a call comes from or what it was, which the gateway says itself. Host is left to the upstream
 * client; the caller's own goes into Forwarded and X-Forwarded-Host.
 */

import type { KeySource } from "../access/compiled-config.ts";
import { hopByHopFields, ownFields } from "../access/field-names.ts";
import type { HeaderList } from "../ports/listener.ts";
import { connectionOptions } from "./reply-fields.ts";
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
  /** Of the span here; "": nobody records traces. */
  readonly traceparent: string;
}

/** Fields by which proxies, and services behind them, are told who calls, and for what. Beside all that begin with X-Forwarded. */
const spoofable = [
  "forwarded",
  "x-real-ip",
  "x-request-id",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-envoy-external-address",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
  "client-ip",
  "x-original-url",
  "x-original-uri",
  "x-rewrite-url",
  "traceparent",
];

const spoofablePrefixes = ["x-forwarded", "x-tallygate-"] as const;

/** Set or answered by the gateway itself. */
const own = ["host", "expect", "via"];

export interface ForwardRules {
  readonly withheld: ReadonlySet<string>;
  /** A bearer token is a key; other schemes of Authorization are the upstream's business. */
  readonly withholdsBearer: boolean;
  /** Query parameters that may hold a key. */
  readonly withheldParameters: readonly string[];
}

/** What is never forwarded, for a configuration's key sources. `forwardKey`: the upstream is to get the key. */
export function forwardRules(sources: readonly KeySource[], forwardKey: boolean): ForwardRules {
  const withheld = new Set([...hopByHopFields, ...spoofable, ...own]);
  const parameters: string[] = [];
  for (const source of forwardKey ? [] : sources) {
    if (source.kind === "header") withheld.add(source.name);
    else if (source.kind === "query") parameters.push(source.name);
  }
  const withholdsBearer = !forwardKey && sources.some(({ kind }) => kind === "bearer");
  return { withheld, withholdsBearer, withheldParameters: parameters };
}

/** `traceParent`: the field to send; `isTraced`: the caller's trace is continued, so its state goes along. */
export function forwardHeaders(
  headers: HeaderList,
  rules: ForwardRules,
  of: { readonly forwarded: Forwarded; readonly traceParent: string; readonly isTraced: boolean },
): string[] {
  const named = namedByConnection(headers);
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    if (rules.withheld.has(name) || named?.includes(name)) continue;
    if (name.startsWith("x-") && isSpoofablePrefix(name)) continue;
    if (name === "authorization" && rules.withholdsBearer && isBearer(value)) continue;
    if (name === "tracestate" && !of.isTraced) continue;
    out.push(name, value);
  }
  const { address, protocol, host, requestId } = of.forwarded;
  const earlier = viaOf(headers);
  out.push("via", earlier === "" ? via : `${earlier}, ${via}`);
  out.push("forwarded", forwardedField(of.forwarded));
  out.push("x-forwarded-for", address, "x-forwarded-proto", protocol);
  if (host !== "") out.push("x-forwarded-host", host);
  out.push("x-request-id", requestId, traceparentName, of.traceParent);
  return out;
}

/** RFC 7239: an IPv6 address stands in brackets, and what is no token in quotes. The door's Host holds neither quote nor backslash. */
function forwardedField({ address, protocol, host }: Forwarded): string {
  const node = address.includes(":") ? `"[${address}]"` : address;
  const tail = host === "" ? "" : `;host="${host}"`;
  return `for=${node};proto=${protocol}${tail}`;
}

function isSpoofablePrefix(name: string): boolean {
  return spoofablePrefixes.some((prefix) => name.startsWith(prefix));
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
