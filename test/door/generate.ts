/** Requests from a seed: odd ones that may come in, and broken ones made from the table's. */

import type { SeededRandom } from "../../src/base/random.ts";
import { caseGroups } from "./cases/all.ts";

/** Of one request that the door should let in, in every way in which it may be written. */
export interface OddRequest {
  readonly bytes: string;
  readonly method: string;
  readonly target: string;
  /** End-to-end fields, names in lower case, in order. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "QUERY"];
const pathParts = [
  "/",
  "a",
  "B",
  "%20",
  "%e2%82%ac",
  ";",
  "=",
  "~",
  "'",
  "%252e",
  ".a",
  "...",
  "(",
  "@",
  ":",
  "{}",
  "|",
  "%F0%9F%98%80",
];
const queryParts = [
  "a",
  "=",
  "&",
  "%zz",
  "/../",
  "?",
  "%00",
  "[",
  "]",
  "'",
  '"',
  "<",
  "+",
  "%",
  "{",
  "^",
  "`",
];
const nameParts = [
  "X-",
  "a",
  "Z",
  "0",
  "!",
  "#",
  "$",
  "%",
  "&",
  "'",
  "*",
  "+",
  ".",
  "^",
  "`",
  "|",
  "~",
  "-",
];
const valueParts = [
  "a",
  " ",
  "\t",
  ",",
  ";",
  '"',
  "\\",
  "=",
  "\xe4",
  "\xff",
  "é",
  "{",
  "(",
  "chunked",
  ":",
  "\x80",
];
const bodyParts = [
  "a",
  "\r\n",
  "0\r\n\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  "\0",
  "\xff",
  "HTTP/1.1 200 OK\r\n",
];

/** Names that mean something to somebody on the way, or are set by us: left to the table. */
const meaning = /^(x-api-key|x-request-id|x-real-ip|x-forwarded-.*|x-region)$/;

function some(random: SeededRandom, parts: readonly string[], max: number): string {
  let text = "";
  for (let i = random.below(max + 1); i > 0; i--) text += parts[random.below(parts.length)];
  return text;
}

function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}

/** `number` is in its path. */
export function oddRequest(
  random: SeededRandom,
  { key, number }: { readonly key: string; readonly number: number },
): OddRequest {
  const method = pick(random, methods);
  const path = `/r${number}${some(random, pathParts, 8)}`;
  const query = random.below(3) === 0 ? `?${some(random, queryParts, 10)}` : "";
  const target = path + query;
  const fields: [string, string][] = [];
  const lines: string[] = [];
  const add = (name: string, value: string): void => {
    const blanks = pick(random, ["", " ", "\t", "  "]);
    // The parser knows no tab behind a coding: A45.
    const behind = name.toLowerCase() === "transfer-encoding" ? ["", " "] : ["", " ", "\t"];
    lines.push(`${name}:${blanks}${value}${pick(random, behind)}\r\n`);
  };
  for (let i = random.below(6); i > 0; i--) {
    const name = `x${some(random, nameParts, 6)}`;
    if (meaning.test(name.toLowerCase())) continue;
    const value = some(random, valueParts, 6)
      .replace(/[^\0-\xff]/g, "")
      .replace(/^[ \t]+|[ \t]+$/g, "");
    fields.push([name.toLowerCase(), value]);
    add(name, value);
  }
  const body = random.below(2) === 0 ? "" : some(random, bodyParts, 12);
  const hasBody = body !== "" || random.below(2) === 0;
  let framed = "";
  if (hasBody && method !== "HEAD") {
    if (random.below(2) === 0) {
      add("Content-Length", String(body.length));
      framed = body;
    } else {
      add(
        pick(random, ["Transfer-Encoding", "transfer-encoding"]),
        pick(random, ["chunked", "Chunked"]),
      );
      framed = inChunks(random, body);
    }
  }
  const places = [`Host: api.example.com\r\n`, `X-Api-Key: ${key}\r\n`];
  for (const line of places) lines.splice(random.below(lines.length + 1), 0, line);
  const bytes = `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${framed}`;
  return { bytes, method, target, fields, body: framed === "" ? "" : body };
}

function inChunks(random: SeededRandom, body: string): string {
  let text = "";
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.below(body.length - at);
    const zeros = pick(random, ["", "0", "000"]);
    const extension = pick(random, ["", "", ";a", ";a=b", ';a="b;c"']);
    text += `${zeros}${size.toString(16)}${extension}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${pick(random, ["", "X-Trailer: a\r\n"])}\r\n`;
}

const tokens = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "\xff",
    "\x0b",
    "%2e",
    "%",
    "..",
    "/",
    "//",
    "#",
    "\\",
    "_",
  ],
  ...[
    "Host: b\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "X-Api-Key: b\r\n",
  ],
  ...[
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: websocket\r\nConnection: upgrade\r\n",
    "0\r\n\r\n",
  ],
  ...[
    "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.1",
    "HTTP/1.0",
    "chunked",
    "99999999999999999999",
    "-1",
    "0x",
  ],
];

const seeds: readonly string[] = caseGroups
  .flatMap(({ cases }) => cases)
  .filter(({ toHub, isTrickled }) => toHub !== true && isTrickled !== true)
  .map(({ send }) => send.filter((step) => typeof step === "string").join(""))
  .filter((text) => text !== "" && text.length <= 4_096);

/** A request of the table with up to four changes: bytes turned, cut, repeated, tokens put in, spliced with another. */
export function brokenRequest(random: SeededRandom): string {
  let text = pick(random, seeds);
  // One change more often than several: what is broken all over is refused at the first fault.
  for (let i = 1 + random.below(1 + random.below(4)); i > 0; i--) text = changed(random, text);
  return text;
}

function changed(random: SeededRandom, text: string): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + random.below(32));
  switch (random.below(7)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    case 3:
      return text.slice(0, at) + pick(random, seeds).slice(random.below(64));
    case 4: {
      const lines = text.split("\r\n");
      lines.splice(random.below(lines.length), 0, pick(random, lines));
      return lines.join("\r\n");
    }
    default:
      return text.slice(0, at) + pick(random, tokens) + text.slice(at);
  }
}
