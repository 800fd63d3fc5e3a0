/** Group A: where one message ends and the next begins. */

import { leaves } from "../../support/raw-http.ts";
import { type CaseGroup, chunked, type DoorCase, get, head, post } from "./case.ts";

const next = get("", "/smuggled");
const hidden = `0\r\n\r\n${next}`;

function refused(what: string, request: string, answer = 400): DoorCase {
  return { what, send: [request], answer: [answer] };
}

/** The head was right and the call admitted; the fault is in the body, which the upstream never gets whole. */
function broken(what: string, chunks: string, answer = 400): DoorCase {
  return { what, send: [chunked(chunks)], answer: [answer], charged: 1 };
}

export const framing: CaseGroup = {
  letter: "A",
  title: "Framing and smuggling",
  cases: [
    refused(
      "Content-Length, then Transfer-Encoding",
      post(`Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n`, hidden),
    ),
    refused(
      "Transfer-Encoding, then Content-Length",
      post(`Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, hidden),
    ),
    refused(
      "two different Content-Length",
      post("Content-Length: 3\r\nContent-Length: 5\r\n", "abcde"),
    ),
    refused(
      "two equal Content-Length",
      post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"),
    ),
    refused("`Content-Length: 5, 5`", post("Content-Length: 5, 5\r\n", "abcde")),
    refused("`Content-Length: +5`", post("Content-Length: +5\r\n", "abcde")),
    refused("`Content-Length: -1`", post("Content-Length: -1\r\n", "abcde")),
    refused("`Content-Length: 0x5`", post("Content-Length: 0x5\r\n", "abcde")),
    refused("`Content-Length: 5 5`", post("Content-Length: 5 5\r\n", "abcde")),
    refused("empty Content-Length", post("Content-Length: \r\n", "abcde")),
    refused("Content-Length 2^64", post("Content-Length: 18446744073709551616\r\n", "abcde")),
    refused("Content-Length 2^63 − 1", post("Content-Length: 9223372036854775807\r\n", "abc"), 413),
    refused("NUL behind Content-Length", post("Content-Length: 5\0\r\n", "abcde")),
    refused(
      "`Transfer-Encoding: chunked, chunked`",
      post("Transfer-Encoding: chunked, chunked\r\n", hidden),
    ),
    refused(
      "two Transfer-Encoding",
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", hidden),
    ),
    refused("`Transfer-Encoding: ,chunked`", post("Transfer-Encoding: ,chunked\r\n", hidden)),
    refused("`Transfer-Encoding: identity`", post("Transfer-Encoding: identity\r\n", hidden)),
    refused(
      "`Transfer-Encoding: gzip, chunked`",
      post("Transfer-Encoding: gzip, chunked\r\n", hidden),
      501,
    ),
    refused(
      "`Transfer-Encoding: chunked, gzip`",
      post("Transfer-Encoding: chunked, gzip\r\n", hidden),
    ),
    refused("vertical tab before chunked", post("Transfer-Encoding: \x0bchunked\r\n", hidden)),
    refused("`Transfer-Encoding: xchunked`", post("Transfer-Encoding: xchunked\r\n", hidden)),
    refused(
      "blank before the colon of Transfer-Encoding",
      post("Transfer-Encoding : chunked\r\n", hidden),
    ),
    refused("Content-Length folded over two lines", post("Content-Length:\r\n 5\r\n", "abcde")),
    refused(
      "first field indented",
      `POST /r HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\nabcde`,
    ),
    refused(
      "Transfer-Encoding in HTTP/1.0",
      head("POST /r HTTP/1.0", "Transfer-Encoding: chunked\r\n") + hidden,
    ),
    broken("chunk size `0x3`", "0x3\r\nabc\r\n0\r\n\r\n"),
    broken("blank before the chunk size", " 3\r\nabc\r\n0\r\n\r\n"),
    broken("blank behind the chunk size", "3 \r\nabc\r\n0\r\n\r\n"),
    broken("chunk size `-3`", "-3\r\nabc\r\n0\r\n\r\n"),
    broken("empty chunk size", "\r\nabc\r\n0\r\n\r\n"),
    broken("chunk size of 17 digits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    broken("more bytes than the chunk size", "3\r\nabcdef\r\n0\r\n\r\n"),
    broken("chunk lines that end in LF alone", "3\nabc\n0\n\n"),
    broken("CR in a chunk extension", "3;a=\rb\r\nabc\r\n0\r\n\r\n"),
    broken("LF in a chunk extension", "3;a=\nb\r\nabc\r\n0\r\n\r\n"),
    broken("chunk extension of 20 KB", `3;a=${"b".repeat(20_000)}\r\nabc\r\n0\r\n\r\n`, 413),
    broken("Content-Length in a trailer", "3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\n"),
    {
      what: "other fields in a trailer",
      send: [chunked("3\r\nabc\r\n0\r\nX-A: b\r\nX-Api-Key: other\r\n\r\n")],
      answer: [200],
      seen: { body: "abc", fields: { "x-a": undefined, trailer: undefined } },
      why: "trailers are dropped",
    },
    {
      what: "end of the connection in the middle of a body",
      send: [post("Content-Length: 10\r\n", "half"), 50, leaves],
      answer: [400],
      charged: 1,
    },
    {
      what: "GET with a body",
      send: [get("Content-Length: 5\r\n") + "hello"],
      answer: [200],
      seen: { body: "hello" },
      why: "framed, so forwarded with its frame",
    },
    {
      what: "two requests in one packet, the first with `Content-Length: 0`",
      send: [post("Content-Length: 0\r\n") + get("", "/second")],
      answer: [200, 200],
      seen: { start: "GET /second HTTP/1.1" },
    },
    {
      what: "garbage behind a whole request",
      send: [get() + "\0\x01garbage\r\n\r\n"],
      answer: [200, 400],
      why: "the request is answered first",
    },
    {
      what: "a request behind one that is refused",
      send: [get("Host: second\r\n") + next],
      answer: [400],
      why: "nothing behind a refusal is looked at",
    },
    {
      what: "a request behind `Connection: close`",
      send: [get("Connection: close\r\n") + next],
      answer: [200],
      staysOpen: false,
      forwarded: 1,
    },
    {
      what: "a tab behind chunked",
      send: [post("Transfer-Encoding: chunked\t\r\n", "0\r\n\r\n")],
      answer: [400],
      charged: 1,
      why: "the parser takes blanks there, no tab, and says so behind the head",
    },
  ],
};
