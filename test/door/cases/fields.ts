/** Group B: the syntax of fields. */

import { type CaseGroup, type DoorCase, get, head } from "./case.ts";

function refused(what: string, fields: string, answer = 400): DoorCase {
  return { what, send: [get(fields)], answer: [answer] };
}

const many = Array.from({ length: 2_001 }, (_, i) => `A${i}: b\r\n`).join("");
const hundredAndOne = Array.from({ length: 99 }, (_, i) => `A${i}: b\r\n`).join("");

export const fields: CaseGroup = {
  letter: "B",
  title: "Fields",
  cases: [
    {
      what: "lines that end in LF alone",
      send: ["GET /r HTTP/1.1\nHost: a\nX-Api-Key: {key}\n\n"],
      answer: [400],
    },
    refused("CR in a value", "X-A: b\rc\r\n"),
    refused("NUL in a value", "X-A: b\0c\r\n"),
    refused("LF in a value", "X-A: b\nc\r\n"),
    refused("a value folded over two lines", "X-A: b\r\n c\r\n"),
    refused("a line without a colon", "X-A\r\n"),
    refused("an empty name", ": b\r\n"),
    refused("blank in a name", "X A: b\r\n"),
    refused("`()` in a name", "X(A): b\r\n"),
    refused("a name not of ASCII", "X-\xe4: b\r\n"),
    {
      what: "bytes above ASCII in a value",
      send: [get("X-A: caf\xc3\xa9 \xff\r\n")],
      answer: [200],
      seen: { fields: { "x-a": "caf\xc3\xa9 \xff" } },
      why: "forwarded as they are",
    },
    refused("a control character in a value", "X-A: b\x01c\r\n"),
    {
      what: "a CR too many at the end of the head",
      send: [get().slice(0, -2) + "\r\r\nX: y\r\n\r\n"],
      answer: [400],
    },
    refused("101 fields", hundredAndOne, 431),
    refused("2,001 fields", many, 431),
    refused("a field of 20 KB", `X-A: ${"b".repeat(20_000)}\r\n`, 431),
    { what: "a field of 15 KB", send: [get(`X-A: ${"b".repeat(15_000)}\r\n`)], answer: [200] },
    refused("`X_Api_Key` beside `X-Api-Key`", "X_Api_Key: other\r\n"),
    refused("any other name with `_`", "X_A: b\r\n"),
    refused("two X-Api-Key, the same", "X-Api-Key: {key}\r\n"),
    refused("two X-Api-Key, the second of another caller", "x-api-key: {other}\r\n"),
    {
      what: "two Authorization",
      send: [get("Authorization: Basic eDp5\r\nAuthorization: Basic eDp6\r\n")],
      answer: [400],
    },
    {
      what: "`__proto__` and `constructor` as names",
      send: [head("GET /r HTTP/1.1", "constructor: x\r\n")],
      answer: [200],
      seen: { fields: { constructor: "x" } },
    },
    refused("`__proto__` as a name", "__proto__: x\r\n"),
    {
      what: "an empty value, a name of one letter, blanks around a value",
      send: [get("A:\r\nB: \t b \t\r\n")],
      answer: [200],
      seen: { fields: { a: "", b: "b" } },
    },
  ],
};
