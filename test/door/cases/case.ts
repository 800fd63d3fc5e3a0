/** One case of the table in docs/http.md: what is sent, byte for byte, and the one answer to it. */

import type { Step } from "../../support/raw-http.ts";

export interface DoorCase {
  /** For the table, as Markdown. */
  readonly what: string;
  /** `{key}` and its like stand for the keys of `Keys`. */
  readonly send: readonly Step[];
  /** Statuses of all replies on the connection, interim ones too; empty: closed without a word. */
  readonly answer: readonly number[];
  /** Requests that reach the upstream whole. Default: the 2xx among the replies. */
  readonly forwarded?: number;
  /** Units. Default: as many as are forwarded. */
  readonly charged?: number;
  /** Whether the connection can be used again. Default: if the last reply is 2xx, 401, 403, 404 or 405. */
  readonly staysOpen?: boolean;
  /** What the upstream gets of the last request. */
  readonly seen?: Seen;
  /** What the client gets of the last whole reply: `start` is its status line. */
  readonly gets?: Seen;
  /** What the upstream answers, in place of 200 and two bytes. After it, its connection is not used again. */
  readonly upstream?: readonly Step[];
  /** The upstream's connection is used again. */
  readonly upstreamGoesOn?: true;
  /** The upstream answers the head, and reads no body. */
  readonly upstreamIsEarly?: true;
  /** Byte for byte, a packet each. */
  readonly isTrickled?: true;
  /** To the hub's admin API instead of a gateway. */
  readonly toHub?: true;
  /** Where the client connects from; default 127.0.0.1. */
  readonly from?: string;
  /** Longest wait for the answer, ms; default 5,000. */
  readonly withinMs?: number;
  /** For the table: why so. */
  readonly why?: string;
}

/** Of a message; what is left out may be anything. */
export interface Seen {
  /** Request line or status line. */
  readonly start?: string;
  readonly body?: string;
  /** Values by name in lower case; undefined: no such field. */
  readonly fields?: Readonly<Record<string, string | undefined>>;
}

/** What needs more than bytes on a socket. */
export interface CaseElsewhere {
  readonly what: string;
  readonly answer: string;
  /** The test that shows it, as a path. */
  readonly test: string;
}

export interface CaseGroup {
  readonly letter: string;
  readonly title: string;
  readonly cases: readonly DoorCase[];
  readonly elsewhere?: readonly CaseElsewhere[];
}

const open = new Set([401, 403, 404, 405, 429]);

export function forwardedBy({ forwarded, answer }: DoorCase): number {
  return forwarded ?? answer.filter((status) => status >= 200 && status < 300).length;
}

export function chargedBy(of: DoorCase): number {
  return of.charged ?? forwardedBy(of);
}

export function staysOpenAfter({ staysOpen, answer }: DoorCase): boolean {
  const last = answer.at(-1) ?? 0;
  return staysOpen ?? ((last >= 200 && last < 300) || open.has(last));
}

const auth = "Host: api.example.com\r\nX-Api-Key: {key}\r\n";

/** A whole head: request line, Host, key and `fields`. */
export function head(line: string, fields = ""): string {
  return `${line}\r\n${auth}${fields}\r\n`;
}

export function get(fields = "", target = "/r"): string {
  return head(`GET ${target} HTTP/1.1`, fields);
}

export function post(fields: string, body = ""): string {
  return head("POST /r HTTP/1.1", fields) + body;
}

/** With a Transfer-Encoding of chunked and chunks by hand. */
export function chunked(body: string): string {
  return post("Transfer-Encoding: chunked\r\n", body);
}
