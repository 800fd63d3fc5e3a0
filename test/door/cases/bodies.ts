/** Group J: bodies, on their way through a gateway and to the hub's admin API. */

import { type CaseGroup, type DoorCase, post } from "./case.ts";

/** A key that is asked for of the hub. */
function create(what: string, body: string, answer: number, type = "application/json"): DoorCase {
  const fields = `Host: hub\r\nAuthorization: Bearer {admin}\r\nContent-Type: ${type}\r\n`;
  const length = `Content-Length: ${Buffer.byteLength(body, "latin1")}\r\n`;
  const send = [`POST /v1/keys HTTP/1.1\r\n${fields}${length}\r\n${body}`];
  return {
    what: `admin API: ${what}`,
    send,
    answer: [answer],
    toHub: true,
    forwarded: 0,
    staysOpen: true,
  };
}

function passes(what: string, fields: string, body: string): DoorCase {
  const send = [post(`${fields}Content-Length: ${body.length}\r\n`, body)];
  return { what, send, answer: [200], seen: { body } };
}

const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;

export const bodies: CaseGroup = {
  letter: "J",
  title: "Bodies",
  cases: [
    create("no JSON", "{", 400),
    create("an empty body", "", 400),
    create("10,000 arrays in each other", deep, 400),
    create(
      "an object 5,000 deep in a field",
      `{"plan": ${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}}`,
      400,
    ),
    create("1e400 as a text's value", '{"plan": 1e400}', 400),
    create("a name twice", '{"plan": "pro", "plan": "nobody"}', 400),
    create("`__proto__` beside the fields", '{"plan": "pro", "__proto__": {"restrict": {}}}', 400),
    create("a field that is not known", '{"plan": "pro", "tenantId": 1}', 400),
    create("another Content-Type", '{"plan": "pro"}', 415, "text/plain"),
    create("half a surrogate in a text", '{"plan": "pro", "name": "\\ud800"}', 400),
    create("NUL in a text", '{"plan": "pro", "name": "\\u0000"}', 400),
    create("no UTF-8", '{"plan": "pro", "name": "\xff\xfe"}', 400),
    create("of 64 KiB and a byte", `{"plan": "pro", "name": "${"a".repeat(65_513)}"}`, 413),
    passes("gzip twice, which it is not", "Content-Encoding: gzip, gzip\r\n", "not gzip"),
    passes(
      "multipart without an end",
      "Content-Type: multipart/form-data; boundary=a\r\n",
      "--a\r\n\r\nb",
    ),
    passes("JSON 10,000 deep", "Content-Type: application/json\r\n", deep),
  ],
};
