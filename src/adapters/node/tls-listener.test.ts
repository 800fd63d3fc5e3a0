import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { test } from "node:test";
import { connect, type SecureVersion } from "node:tls";
import { certificatesFor } from "./testing/certificates.ts";
import { proxyHeader } from "./testing/proxy-header.ts";
import { ask, secureClient, secureListener, shownFor } from "./testing/secure-listener.ts";

test("a call over TLS is answered as https, in HTTP/1.1 whatever else the client offers", async (t) => {
  const { make, authority } = certificatesFor(t);
  const { listener } = await secureListener(t, [make("a", { names: ["a.example"] })]);
  const socket = await secureClient(t, listener, {
    servername: "a.example",
    ca: authority.cert,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  assert.equal(socket.getProtocol(), "TLSv1.3");
  assert.equal(socket.alpnProtocol, "http/1.1");
  assert.match(await ask(socket), /^HTTP\/1.1 200 [^]*\r\n\r\nhttps 127.0.0.1$/);
});

test("Strict-Transport-Security is in every reply, and only where it is asked for", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const with1 = await secureListener(t, [pair], {
    listen: { strictTransportSecurity: "max-age=60" },
  });
  const without = await secureListener(t, [pair]);
  const field = /^strict-transport-security: max-age=60\r$/m;
  assert.match(await ask(await secureClient(t, with1.listener)), field);
  assert.doesNotMatch(await ask(await secureClient(t, without.listener)), /strict-transport/i);
});

test("each caller is shown the certificate for the name that it asks for, others the first", async (t) => {
  const { make } = certificatesFor(t);
  const { listener } = await secureListener(t, [
    make("first", { names: ["first.example"] }),
    make("exact", { names: ["api.shop.example", "other.example"] }),
    make("wild", { names: ["*.shop.example"] }),
  ]);
  const table: [asked: string | undefined, shown: string][] = [
    ["first.example", "first"],
    ["api.shop.example", "exact"],
    ["API.Shop.Example", "exact"],
    ["other.example", "exact"],
    ["web.shop.example", "wild"],
    // A wildcard is one label.
    ["a.web.shop.example", "first"],
    ["shop.example", "first"],
    ["unknown.example", "first"],
    [undefined, "first"],
  ];
  for (const [asked, shown] of table) {
    assert.equal(await shownFor(t, listener, asked), shown, asked);
  }
});

test("TLS 1.2 and 1.3 are spoken, 1.1 is refused, and so are ciphers without forward secrecy", async (t) => {
  const { listener } = await secureListener(t, [
    certificatesFor(t).make("a", { names: ["a.example"] }),
  ]);
  const speak = async (version: SecureVersion, ciphers?: string): Promise<string> => {
    // Level 0, so that it is the server that refuses.
    const list = `${ciphers ?? "DEFAULT"}:@SECLEVEL=0`;
    const client = { minVersion: version, maxVersion: version, ciphers: list };
    const socket = await secureClient(t, listener, client);
    return socket.getProtocol() ?? "";
  };
  assert.equal(await speak("TLSv1.2"), "TLSv1.2");
  assert.equal(await speak("TLSv1.3"), "TLSv1.3");
  await assert.rejects(speak("TLSv1.1"), /alert protocol version|unsupported protocol/i);
  await assert.rejects(speak("TLSv1"), /alert protocol version|unsupported protocol/i);
  for (const weak of ["ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM"]) {
    await assert.rejects(speak("TLSv1.2", weak), /handshake failure/i, weak);
  }
});

test("where 1.3 is the least, 1.2 is refused", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const { listener } = await secureListener(t, [pair], { store: { minVersion: "TLSv1.3" } });
  await assert.rejects(secureClient(t, listener, { maxVersion: "TLSv1.2" }), /protocol version/i);
  await secureClient(t, listener);
});

test("a session is resumed, whichever of the certificates it began with", async (t) => {
  const { make } = certificatesFor(t);
  const { listener } = await secureListener(t, [
    make("a", { names: ["a.example"] }),
    make("b", { names: ["b.example"] }),
  ]);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    for (const servername of ["a.example", "b.example"]) {
      const first = await secureClient(t, listener, { servername, maxVersion });
      // With 1.3 the ticket comes behind the handshake.
      const ticket = maxVersion === "TLSv1.3" ? once(first, "session") : [first.getSession()];
      await ask(first);
      const [session] = (await ticket) as [Buffer];
      const second = await secureClient(t, listener, { servername, maxVersion, session });
      assert.equal(second.isSessionReused(), true, `${maxVersion} ${servername}`);
      assert.match(await ask(second), /^HTTP\/1.1 200 /);
    }
  }
});

test("a client cannot renegotiate", async (t) => {
  const { listener } = await secureListener(t, [
    certificatesFor(t).make("a", { names: ["a.example"] }),
  ]);
  const socket = await secureClient(t, listener, { maxVersion: "TLSv1.2" });
  const refused = await new Promise<Error | null>((resolve) => {
    socket.on("error", resolve);
    socket.renegotiate({}, resolve);
  });
  assert.match(String(refused), /no renegotiation|renegotiat/i);
});

test("a handshake that is not done in time is closed; so is what speaks no TLS", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const { listener, metrics } = await secureListener(t, [pair], { listen: { handshakeMsMax: 40 } });
  for (const bytes of ["", "\x16\x03\x01\x02", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"]) {
    const socket = connectPlain(listener.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(Buffer.from(bytes, "latin1"));
    let answered = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answered += text;
    });
    await once(socket, "close");
    // An alert at most.
    assert.doesNotMatch(answered, /HTTP/);
  }
  const text = await metrics();
  assert.match(text, /handshakes_total\{outcome="timed-out"\} 2\n/);
  assert.match(text, /handshakes_total\{outcome="failed"\} 1\n/);
});

test("of too many handshakes at once the oldest gives way, and whoever speaks is served", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const { listener, metrics } = await secureListener(t, [pair], { listen: { handshakesMax: 4 } });
  const silent = Array.from({ length: 8 }, () => connectPlain(listener.port, "127.0.0.1"));
  let closed = 0;
  const fourClosed = new Promise<void>((resolve) => {
    for (const socket of silent) {
      t.after(() => socket.destroy());
      socket.on("error", () => {});
      socket.on("close", () => ++closed === 4 && resolve());
    }
  });
  await fourClosed;
  assert.deepEqual(silent.map(({ destroyed }) => destroyed).lastIndexOf(true) < 8, true);
  assert.match(await ask(await secureClient(t, listener)), /^HTTP\/1.1 200 /);
  assert.match(await metrics(), /handshakes_total\{outcome="crowded-out"\} 5\n/);
});

test("a stop does not wait for handshakes nor for connections that never called", async (t) => {
  const { listener } = await secureListener(t, [
    certificatesFor(t).make("a", { names: ["a.example"] }),
  ]);
  const silent = connectPlain(listener.port, "127.0.0.1");
  silent.on("error", () => {}).resume();
  await once(silent, "connect");
  const idle = await secureClient(t, listener);
  idle.on("error", () => {}).resume();
  const ended = Promise.all([once(silent, "close"), once(idle, "close")]);
  await listener.stop(60_000);
  await ended;
});

test("behind a PROXY header there may be TLS, wherever the packets are cut", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const hasProxyHeader = (peer: string): boolean => peer === "127.0.0.1";
  const { listener } = await secureListener(t, [pair], { listen: { hasProxyHeader } });
  const header = proxyHeader({ address: "203.0.113.7" });
  // The client's hello comes in the packet of the header's last part.
  for (const cut of [0, 1, 15, 16, 27, header.length]) {
    const below = connectPlain(listener.port, "127.0.0.1").setNoDelay(true);
    t.after(() => below.destroy());
    await once(below, "connect");
    below.write(header.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    below.cork();
    below.write(header.subarray(cut));
    const socket = connect({ socket: below, rejectUnauthorized: false });
    setImmediate(() => below.uncork());
    await once(socket, "secureConnect");
    assert.match(await ask(socket), /\r\n\r\nhttps 203.0.113.7$/, `cut at ${cut}`);
  }
});

test("many connections through one proxy keep their addresses apart", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"] });
  const { listener } = await secureListener(t, [pair], { listen: { hasProxyHeader: () => true } });
  const addresses = Array.from({ length: 32 }, (_, i) => `198.51.100.${i}`);
  const told = await Promise.all(
    addresses.map(async (address) => {
      const below = connectPlain(listener.port, "127.0.0.1");
      t.after(() => below.destroy());
      below.write(proxyHeader({ address }));
      const socket = connect({ socket: below, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      return /https (.*)$/.exec(await ask(socket))?.[1];
    }),
  );
  assert.deepEqual(told, addresses);
});

test("openssl's own client agrees about the handshake", async (t) => {
  const { make, authority } = certificatesFor(t);
  const { listener } = await secureListener(t, [make("a", { names: ["a.example"] })]);
  const openssl = async (...options: string[]): Promise<string> => {
    const connectTo = [
      "s_client",
      "-connect",
      `127.0.0.1:${listener.port}`,
      "-servername",
      "a.example",
    ];
    const child = spawn("openssl", [...connectTo, "-CAfile", authority.certFile, ...options]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
    }
    child.stdin.end();
    await once(child, "close");
    return text;
  };
  const good = await openssl("-verify_hostname", "a.example");
  assert.match(good, /Verify return code: 0 \(ok\)/);
  assert.match(good, /Compression: NONE/);
  assert.match(await openssl("-alpn", "h2"), /no application protocol/i);
  assert.match(
    await openssl("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"),
    /alert protocol version/,
  );
});
