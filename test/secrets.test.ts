/**
 * Row 10: no secret stands where it must not. A whole system is put through everything that could write one down (wrong keys in every
 * place, errors, malformed bytes, failing upstreams, crashes, a backup) with all logs and traces on; then every byte on disk, every
 * line printed, every trace, metric and answer is searched. What other suites leave behind is searched when they stop.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { formatApiKey } from "../src/access/api-key.ts";
import { until } from "./support/cluster.ts";
import { Fleet } from "./support/fleet.ts";
import { type OtlpSink, startOtlpSink } from "./support/otlp-sink.ts";
import { filesWith, holdsSecret } from "./support/secret-search.ts";

const region = "sydney";
const accessLog = "access.log";

let fleet: Fleet;
let sink: OtlpSink;
let upstream: Server;
/** What the upstream was sent. */
let forwarded = "";
/** Bodies and fields of every answer but those that show a new key. */
let answered = "";
const secrets = new Set<string>();

before(async () => {
  sink = await startOtlpSink();
  upstream = createServer((request, response) => {
    forwarded += `${request.url} ${request.rawHeaders.join(" ")}\n`;
    if (request.url?.startsWith("/reset") === true) {
      response.write("half of ");
      setTimeout(() => response.destroy(), 20);
    } else response.end("upstream");
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const plans = [
    "pro: { limits: [{ name: month, per: key, quota: 100000, window: month }] }",
    "small: { limits: [{ name: month, per: key, quota: 2, window: month }] }",
    "exact: { limits: [{ name: month, per: key, quota: 100, window: month, enforcement: strict }] }",
  ];
  const routes = [
    `- { path: "/", handler: ./hello.mjs }`,
    `- { path: "/throws", handler: ./throws.ts }`,
    `- { path: "/up/*", upstream: up, stripPrefix: /up }`,
    `- { path: "/down/*", upstream: down }`,
  ];
  const top = [
    `log: { access: { to: ./${accessLog} } }`,
    "upstreams:",
    `  up: { targets: ["http://127.0.0.1:${port}"] }`,
    `  down: { targets: ["http://127.0.0.1:9"], connectTimeout: 200ms }`,
  ];
  fleet = await Fleet.start(plans.join("\n  "), {
    regions: [region],
    config: { routes: routes.join("\n  "), top: top.join("\n") },
    files: { "throws.ts": "export default () => { throw new Error('a bug of a handler'); };\n" },
    environment: () => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_BSP_SCHEDULE_DELAY: "100",
    }),
  });
});

after(async () => {
  await fleet?.stop();
  await sink?.stop();
  upstream?.close();
});

async function call(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(fleet.url(region) + path, init).catch(() => undefined);
  if (response === undefined) return 0;
  const body = await response.text().catch(() => "");
  answered += `${JSON.stringify([...response.headers])}${body}\n`;
  return response.status;
}

/** Bytes that are no request, or hardly one. */
function raw(text: string): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(fleet.url(region));
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (bytes: Buffer) => {
      answered += bytes.toString();
    });
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
    socket.setTimeout(1_000, () => socket.destroy());
  });
}

/** Every way in which a key can come, to every kind of answer. */
async function useKey(key: string): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const places: [string, RequestInit][] = [
    ["", { headers: { "x-api-key": key } }],
    ["", { headers: { authorization: `Bearer ${key}` } }],
    [`?api-key=${key}`, {}],
    [`?a=1&api-key=${key}&b=${key.slice(0, 12)}`, {}],
  ];
  for (const path of ["/", "/throws", "/up/a", "/up/reset", "/down/a", "/no-such", "/-/usage"]) {
    for (const [query, init] of places) {
      const status = await call(path + query, init);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
  await call("/", { method: "DELETE", headers: { "x-api-key": key }, body: "a body" });
  await call("/", { headers: { "x-api-key": key, authorization: "Bearer ipd_live_other" } });
  await call("/", { headers: { "x-api-key": `${key} ` } });
  await call("/", { headers: { "x-api-key": key, "x-long": "x".repeat(40_000) } });
  await raw(`GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${key}\r\nX-Api-Key: ${key}\r\n\r\n`);
  await raw(`GET / HTTP/3.7\r\nX-Api-Key: ${key}\r\n\r\n`);
  await raw(`GET /?api-key=${key}#x HTTP/1.1\r\nHost: a\r\nX Api Key: ${key}\r\n\r\n`);
  await raw(`POST / HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${key}\r\nContent-Length: 9\r\n\r\n12`);
  return statuses;
}

function wrongKey(n: number): string {
  const entropy = Uint8Array.from({ length: 20 }, (_, i) => (i * 37 + n * 101 + 11) & 0xff);
  return formatApiKey({ prefix: "ipd", mode: "live", entropy });
}

async function admin(method: string, path: string, body?: unknown): Promise<void> {
  const { json } = await fleet.api(method, path, body);
  answered += `${JSON.stringify(json)}\n`;
}

test("after everything that could write a secret down, none stands anywhere", async (t) => {
  const keys = new Map<string, string>();
  for (const plan of ["pro", "small", "exact"]) {
    const { key, id } = await fleet.createKnownKey(plan);
    keys.set(key, id);
    secrets.add(key);
  }
  const rotated = await fleet.api("POST", `/v1/keys/${[...keys.values()][0]}/rotate`, {});
  secrets.add((rotated.json as { key: string }).key);
  for (let n = 0; n < 3; n++) secrets.add(wrongKey(n));
  const seen = new Set<number>();
  for (const key of secrets) for (const status of (await useKey(key)).keys()) seen.add(status);
  for (const status of [200, 401, 404, 429, 500]) assert.ok(seen.has(status), `a ${status}`);

  await admin("GET", "/v1/keys");
  await admin("GET", "/v1/status");
  await admin("PATCH", `/v1/keys/${[...keys.values()][0]}`, { plan: "small" });
  await admin("POST", "/v1/keys", { plan: "no-such" });
  await admin("DELETE", `/v1/keys/${[...keys.values()][1]}`);
  await fetch(`${fleet.hubUrl}/v1/keys`, {
    headers: { authorization: "Bearer wrong-token-1234567" },
  });

  // A reload that is refused and one that is taken, a crash of each, a backup, and what the command line prints.
  fleet.configure({ plans: "pro: { limits: [{ name: a, per: key, quota: -1, window: day }] }" });
  for (const name of ["hub", region]) fleet.signal(name, "SIGHUP");
  for (const name of [region, "hub"]) {
    fleet.configure({
      plans: "pro: { limits: [{ name: month, per: key, quota: 9, window: month }] }",
    });
    await fleet.end(name, "SIGKILL");
    if (name === "hub") await fleet.startHub();
    else await fleet.startGateway(region);
    for (const key of secrets) await call("/", { headers: { "x-api-key": key } });
  }
  for (const args of [["status"], ["usage", "--by", "key"], ["verify"], ["keys", "list"]]) {
    const { stdout, stderr } = await fleet.command(...args);
    answered += stdout + stderr;
  }
  const backup = await fleet.command("backup", join(fleet.folder, "backup.db"));
  assert.equal(backup.code, 0, backup.stderr);

  const token = readFileSync(join(fleet.data, "admin-token"), "utf8").trim();
  const joinToken = readFileSync(join(fleet.data, "join-token"), "utf8").trim();
  const metrics = await Promise.all([
    fetch(`${fleet.operations(region)}/metrics`).then((response) => response.text()),
    fetch(`${fleet.hubUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } }).then(
      (response) => response.text(),
    ),
  ]);
  await until(() => sink.spans.length > 0, 5_000, "traces to be sent");
  await fleet.end(region, "SIGTERM");
  await fleet.end("hub", "SIGTERM");
  const log = readFileSync(join(fleet.folder, accessLog), "utf8");
  assert.ok(log.split("\n").length > 50, "the access log was on");
  assert.ok(fleet.output.includes("an upstream failed"), "errors were logged");

  const all = new Set([...secrets, token, joinToken]);
  const holders = ["admin-token", "join-token"];
  assert.deepEqual(filesWith(fleet.folder, all, holders), [], "files");
  const places = { output: fleet.output, answers: answered, upstream: forwarded };
  for (const [place, text] of Object.entries({ ...places, metrics: metrics.join("\n") })) {
    assert.ok(text.length > 0, `there is something in ${place}`);
    assert.equal(holdsSecret(text, all), false, place);
  }
  assert.equal(holdsSecret(Buffer.concat(sink.bodies), all), false, "traces");
  assert.doesNotMatch(log, /127\.0\.0\.1/, "no whole address");
  const lines = log.split("\n").length - 1;
  t.diagnostic(
    `figure: ${all.size} secrets in ${sink.spans.length} spans, ${lines} lines of the access log, all files, metrics and answers: found 0 times`,
  );
});

test("the search finds a secret that is there, whole or in part, as text, Base64 or hex", () => {
  const key = wrongKey(9);
  const random = key.split("_")[2] as string;
  const part = random.slice(0, 18);
  for (const text of [
    key,
    `{"url":"/?api-key=${part}"}`,
    Buffer.from(`x-api-key: ${key}`).toString("base64"),
    Buffer.from(`key=${key}`).toString("hex"),
  ]) {
    assert.ok(holdsSecret(text, [key]), text);
  }
  assert.equal(holdsSecret(wrongKey(8), [key]), false);
});
