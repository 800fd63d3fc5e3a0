import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import {
  listenRedirect,
  type RedirectListener,
  type RedirectOptions,
} from "./redirect-listener.ts";
import { proxyHeader } from "./testing/proxy-header.ts";

async function listen(
  t: TestContext,
  more: Partial<RedirectOptions> = {},
): Promise<RedirectListener> {
  const listener = await listenRedirect({
    host: "127.0.0.1",
    port: 0,
    httpsPort: 443,
    hasName: (host) => host === "a.example" || host.endsWith(".b.example"),
    unready: () => "",
    ...more,
  });
  t.after(() => listener.stop());
  return listener;
}

async function answerTo(listener: RedirectListener, raw: string): Promise<string> {
  const socket = connect(listener.port, "127.0.0.1");
  socket.write(Buffer.from(raw, "latin1"));
  let text = "";
  socket.setEncoding("latin1");
  for await (const chunk of socket) text += chunk;
  return text;
}

const get = (target: string, ...fields: string[]): string =>
  `GET ${target} HTTP/1.1\r\n${[...fields, "Connection: close"].join("\r\n")}\r\n\r\n`;

test("a call goes to the same place under https, if a certificate is for its host", async (t) => {
  const listener = await listen(t);
  const table: [raw: string, status: number, location?: string][] = [
    [get("/x/y?q=1&r=%0d", "Host: a.example"), 308, "https://a.example/x/y?q=1&r=%0d"],
    [get("/", "Host: A.Example:80"), 308, "https://a.example/"],
    [get("/", "Host: a.example."), 308, "https://a.example/"],
    [get("/", "Host: x.b.example"), 308, "https://x.b.example/"],
    [get("//evil.example/", "Host: a.example"), 308, "https://a.example//evil.example/"],
    [get("/", "Host: evil.example"), 421],
    [get("/", "Host: a.example.evil.example"), 421],
    [get("/", "Host: 127.0.0.1"), 421],
    [get("/", "X: y"), 400],
    [get("/", "Host:"), 400],
    [get("/", "Host: a.example", "Host: a.example"), 400],
    [get("/", "Host: a.example@evil.example"), 400],
    [get("/", "Host: a.example/evil"), 400],
    [get("/", "Host: a.example, evil.example"), 400],
    [get("/", "Host: a.example:"), 400],
    [get("http://evil.example/", "Host: a.example"), 400],
    [get("*", "Host: a.example"), 400],
    [get("/\xe4", "Host: a.example"), 400],
  ];
  for (const [raw, status, location] of table) {
    const text = await answerTo(listener, raw);
    assert.equal(text.slice(0, 12), `HTTP/1.1 ${status}`, raw);
    assert.equal(/^location: (.*)\r$/im.exec(text)?.[1], location, raw);
  }
});

test("the https port is named where it is not the usual one", async (t) => {
  const text = await answerTo(
    await listen(t, { httpsPort: 8443 }),
    get("/a", "Host: a.example:8080"),
  );
  assert.match(text, /^location: https:\/\/a\.example:8443\/a\r$/m);
});

test("every method is redirected with 308, which keeps it", async (t) => {
  const raw =
    "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
  assert.match(await answerTo(await listen(t), raw), /^HTTP\/1.1 308 /);
});

test("health is answered here, whatever the host, as the calls' port would", async (t) => {
  const health = get("/-/health", "Host: 10.0.0.1");
  assert.match(await answerTo(await listen(t), health), /^HTTP\/1.1 200 [^]*ready\n/);
  const unready = await listen(t, { unready: () => "stopping" });
  assert.match(await answerTo(unready, health), /^HTTP\/1.1 503 [^]*stopping\n/);
});

test("a trusted proxy's header comes before the request here too", async (t) => {
  const listener = await listen(t, { hasProxyHeader: () => true });
  const header = proxyHeader({ address: "203.0.113.7" }).toString("latin1");
  const request = get("/", "Host: a.example");
  assert.match(await answerTo(listener, header + request), /^HTTP\/1.1 308 /);
  assert.equal(await answerTo(listener, request).catch(() => ""), "");
});

test("a port in use is one clear sentence", async (t) => {
  const { port } = await listen(t);
  await assert.rejects(listen(t, { port }), { code: "port-in-use" });
});

test("a stop closes what is open", async (t) => {
  const listener = await listen(t);
  const socket = connect(listener.port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  const closed = once(socket, "close");
  await listener.stop();
  await closed;
});
