import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { parseProxyHeader, proxyHeaderBytesMax, takeProxyHeader } from "./proxy-protocol.ts";
import { type ProxyHeaderParts, proxyHeader } from "./testing/proxy-header.ts";

const v4 = proxyHeader({ address: "203.0.113.7" });
const v6 = proxyHeader({ address: "2001:db8:0:0:0:0:0:7" });

test("a header names the address of whoever connected to the proxy", () => {
  assert.deepEqual(parseProxyHeader(v4), { kind: "header", length: 28, address: "203.0.113.7" });
  assert.deepEqual(parseProxyHeader(v6), {
    kind: "header",
    length: 52,
    address: "2001:db8:0:0:0:0:0:7",
  });
});

test("what is behind the addresses, and behind the header, is passed over", () => {
  const more = proxyHeader({ address: "203.0.113.7", extra: Buffer.from([4, 0, 1, 9]) });
  const bytes = Buffer.concat([more, Buffer.from("GET / HTTP/1.1\r\n")]);
  assert.deepEqual(parseProxyHeader(bytes), { kind: "header", length: 32, address: "203.0.113.7" });
});

test("a proxy that speaks for itself, or of a kind of address that is none, leaves the peer's own", () => {
  const own: ProxyHeaderParts[] = [
    { address: "203.0.113.7", command: 0 },
    { address: "203.0.113.7", command: 0, family: 0 },
    { address: "203.0.113.7", family: 0x00 },
    { address: "203.0.113.7", family: 0x31, extra: Buffer.alloc(204) },
  ];
  for (const parts of own) {
    const header = parseProxyHeader(proxyHeader(parts));
    assert.equal(header.kind, "header");
    assert.equal(header.kind === "header" && header.address, undefined);
  }
});

test("a header that is not one is told at the first byte that shows it", () => {
  const table: [what: string, bytes: Buffer][] = [
    ["version 1, text", Buffer.from("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n")],
    ["a request", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["TLS", Buffer.from([0x16, 3, 1])],
    ["a signature with one wrong byte", Buffer.from("\r\n\r\n\0\r\nQUIX")],
    ["version 3", Buffer.concat([v4.subarray(0, 12), Buffer.from([0x31])])],
    ["an unknown command", proxyHeader({ address: "203.0.113.7", command: 2 })],
    ["an unknown family", proxyHeader({ address: "203.0.113.7", family: 0x41 })],
    ["an unknown transport", proxyHeader({ address: "203.0.113.7", family: 0x13 })],
    ["a datagram", proxyHeader({ address: "203.0.113.7", family: 0x12 })],
    ["no transport for an address", proxyHeader({ address: "203.0.113.7", family: 0x10 })],
    ["addresses cut short", Buffer.concat([v4.subarray(0, 14), Buffer.from([0, 11]), v4])],
    ["an IPv6 header of IPv4's length", proxyHeader({ address: "203.0.113.7", family: 0x21 })],
  ];
  for (const [what, bytes] of table) assert.equal(parseProxyHeader(bytes).kind, "malformed", what);
});

test("a header is taken up to its bound and refused above it", () => {
  const extra = (length: number): Buffer =>
    proxyHeader({ address: "203.0.113.7", extra: Buffer.alloc(length - 28) });
  assert.equal(parseProxyHeader(extra(proxyHeaderBytesMax)).kind, "header");
  assert.equal(parseProxyHeader(extra(proxyHeaderBytesMax + 1)).kind, "malformed");
});

test("a header is a part until its last byte, whatever it holds", () => {
  for (const header of [v4, v6]) {
    for (let i = 0; i < header.length; i++) {
      assert.equal(parseProxyHeader(header.subarray(0, i)).kind, "part");
    }
  }
});

test("no bytes make the parser fail, and more bytes never take a verdict back", () => {
  const mutated = fc
    .tuple(fc.constantFrom(v4, v6), fc.nat(60), fc.nat(255))
    .map(([header, at, byte]) => {
      const copy = Buffer.concat([header, Buffer.alloc(20)]);
      copy[at % copy.length] = byte;
      return copy;
    });
  fc.assert(
    fc.property(mutated, (bytes) => {
      let verdict = "part";
      for (let i = 0; i <= bytes.length; i++) {
        const { kind } = parseProxyHeader(bytes.subarray(0, i));
        if (verdict !== "part") assert.equal(kind, verdict);
        verdict = kind;
      }
    }),
  );
});

interface Taken {
  readonly address: string | undefined;
  readonly rest: string;
}

/** Both ends of a connection whose server takes a header and then reads to the end. */
async function pair(t: TestContext, msMax?: number) {
  const taken: Taken[] = [];
  let closed = (): void => {};
  const over = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = createServer((socket: Socket) => {
    socket.once("close", closed);
    const take = (address: string | undefined): void => {
      let rest = "";
      socket.setEncoding("latin1").on("data", (text: string) => {
        rest += text;
      });
      socket.on("end", () => taken.push({ address, rest }));
      socket.resume();
    };
    takeProxyHeader(socket, take, msMax);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const client = connect((server.address() as { port: number }).port, "127.0.0.1");
  client.setNoDelay(true).on("error", () => {});
  t.after(() => client.destroy());
  await once(client, "connect");
  return { client, taken, over };
}

test("what follows the header is left to the reader, wherever the packets are cut", async (t) => {
  const bytes = Buffer.concat([v4, Buffer.from("hello")]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { client, taken, over } = await pair(t);
    client.write(bytes.subarray(0, cut));
    // Another packet, not a part of this one.
    await new Promise((resolve) => setImmediate(resolve));
    client.end(bytes.subarray(cut));
    await over;
    assert.deepEqual(taken, [{ address: "203.0.113.7", rest: "hello" }], `cut at ${cut}`);
  }
});

test("a byte at a time is enough", async (t) => {
  const { client, taken, over } = await pair(t);
  for (const byte of Buffer.concat([v6, Buffer.from("hello")])) {
    client.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.end();
  await over;
  assert.deepEqual(taken, [{ address: "2001:db8:0:0:0:0:0:7", rest: "hello" }]);
});

test("a header that is malformed, cut short or late closes the connection, and nobody is told of it", async (t) => {
  const malformed = await pair(t);
  malformed.client.write("GET / HTTP/1.1\r\n\r\n");
  await malformed.over;
  const short = await pair(t);
  short.client.end(v4.subarray(0, 20));
  await short.over;
  const late = await pair(t, 30);
  late.client.write(v4.subarray(0, 20));
  await late.over;
  assert.deepEqual([malformed.taken, short.taken, late.taken], [[], [], []]);
});
