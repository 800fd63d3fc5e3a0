/**
 * Issue, "Bad input": handlers that throw, return no Response or never settle, and upstreams that are down or break
 * off: the status, the charge and the log line of each, while other calls go on. Real processes and sockets.
 */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, threeRegions } from "./support/configs.ts";
import { startPaced } from "./support/load.ts";

let cluster: Cluster;
let upstream: Server;
let headers: Record<string, string> = {};
let secret = "";

const files = {
  ...handlers,
  "throws.ts": `export default () => { throw new Error("boom in the handler"); };\n`,
  "rejects.ts": `export default async () => { throw new Error("late boom"); };\n`,
  "nothing.ts": "export default () => undefined;\n",
  "text.ts": `export default () => "no Response";\n`,
  "stray.ts": `export default () => {
    Promise.reject(new Error("stray boom"));
    return new Response("fine");
  };\n`,
  "never.ts": "export default () => new Promise(() => {});\n",
};

const routes = (up: number, down: number): string => `
  - { path: "/", handler: ./hello.mjs }
  - { path: "/throws", handler: ./throws.ts }
  - { path: "/refunded", handler: ./throws.ts, refundOn: [5xx] }
  - { path: "/rejects", handler: ./rejects.ts }
  - { path: "/nothing", handler: ./nothing.ts }
  - { path: "/text", handler: ./text.ts }
  - { path: "/never", handler: ./never.ts, timeout: 500ms }
  - { path: "/stray", handler: ./stray.ts }
  - { path: "/down", upstream: down }
  - { path: "/down-charged", upstream: down, refundOn: [] }
  - { path: "/breaks", upstream: up }
  - { path: "/breaks-refunded", upstream: up, refundOn: [5xx] }
  - { path: "/slow", upstream: up }
  - { path: "/fails", upstream: up }
  - { path: "/fails-refunded", upstream: up, refundOn: [not-attempted, 5xx] }
upstreams:
  up: { targets: ["http://127.0.0.1:${up}"], responseTimeout: 500ms }
  down: { targets: ["http://127.0.0.1:${down}"] }`;

before(async () => {
  upstream = createServer((request, response) => {
    if (request.url?.startsWith("/breaks")) request.socket.destroy();
    else if (request.url?.startsWith("/slow")) return;
    else response.writeHead(503).end("out of order");
  });
  await listen(upstream);
  const closed = createServer();
  await listen(closed);
  const down = portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
  cluster = await Cluster.start({
    config: threeRegions({ routes: routes(portOf(upstream), down) }),
    files,
  });
  const { key } = await cluster.createKnownKey("pro");
  secret = key;
  headers = { "x-api-key": key };
});

after(async () => {
  await cluster?.stop();
  upstream.closeAllConnections();
  upstream.close();
});

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function used(): Promise<number> {
  const usage = await cluster.usage("sydney", secret);
  return usage?.limits[0]?.used ?? Number.NaN;
}

interface Expected {
  readonly status: number;
  readonly charged: 0 | 1;
  readonly outcome?: "attempted" | "not-attempted";
  /** In the log, beside the request's id. */
  readonly logged?: string;
}

const table: [path: string, expected: Expected][] = [
  ["/throws", { status: 500, charged: 1, logged: "boom in the handler" }],
  ["/refunded", { status: 500, charged: 0, logged: "boom in the handler" }],
  ["/rejects", { status: 500, charged: 1, logged: "late boom" }],
  ["/nothing", { status: 500, charged: 1, logged: "no Response" }],
  ["/text", { status: 500, charged: 1, logged: "no Response" }],
  ["/never", { status: 504, charged: 1, logged: "did not answer in time" }],
  ["/down", { status: 502, charged: 0, outcome: "not-attempted", logged: "an upstream failed" }],
  ["/down-charged", { status: 502, charged: 1, outcome: "not-attempted" }],
  ["/breaks", { status: 502, charged: 1, outcome: "attempted", logged: "an upstream failed" }],
  ["/breaks-refunded", { status: 502, charged: 0, outcome: "attempted" }],
  ["/slow", { status: 504, charged: 1, outcome: "attempted" }],
  ["/fails", { status: 503, charged: 1 }],
  ["/fails-refunded", { status: 503, charged: 0 }],
];

for (const [path, expected] of table) {
  const charge = expected.charged === 1 ? "charged" : "not charged";
  test(`${path}: ${expected.status}, ${charge}`, async () => {
    const before = await used();
    const response = await fetch(`${cluster.region("sydney").url}${path}`, { headers });
    const text = await response.text();
    assert.equal(response.status, expected.status, text);
    assert.equal(response.headers.get("x-tallygate-outcome"), expected.outcome ?? null);
    const id = response.headers.get("x-request-id") ?? "";
    assert.match(id, /\S/);
    assert.equal(await used(), before + expected.charged);
    if (!path.startsWith("/fails")) {
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      const problem = JSON.parse(text) as { status: number; instance: string };
      assert.equal(problem.status, expected.status);
      assert.ok(problem.instance.includes(id), `instance ${problem.instance} is ${id}`);
      assert.doesNotMatch(text, /boom|127\.0\.0\.1/, "nothing of the inside is told");
    }
    const { logged } = expected;
    if (logged === undefined) return;
    const isLogged = () =>
      cluster.output.split("\n").some((line) => line.includes(id) && line.includes(logged));
    await until(isLogged, 2_000, `a line with ${id} and "${logged}" in:\n${cluster.output}`);
  });
}

test("a promise that a handler lets fail unheard is logged and ends nothing", async () => {
  const { pid, url } = cluster.region("sydney");
  const response = await fetch(`${url}/stray`, { headers });
  assert.equal(await response.text(), "fine");
  await until(() => cluster.output.includes("stray boom"), 2_000, "it is logged");
  assert.equal((await fetch(url, { headers })).status, 200);
  assert.equal(cluster.region("sydney").pid, pid);
});

test("other calls go on while handlers fail and hang", async () => {
  const { url } = cluster.region("sydney");
  const load = startPaced({ url: () => url, headers, perSecond: 100, connections: 8 });
  const bad = ["/throws", "/rejects", "/nothing", "/never", "/down", "/breaks"];
  const answers = Array.from({ length: 30 }, (_, i) =>
    fetch(`${url}${bad[i % bad.length]}`, { headers }).then((response) => response.text()),
  );
  await Promise.allSettled(answers);
  await load.stop();
  assert.deepEqual([...load.statuses.keys()], [200]);
});

test("no output holds a key, the admin token or the join token", async () => {
  await fetch(`${cluster.region("sydney").url}/throws?api-key=${secret}`);
  const { pid } = cluster.region("sydney");
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.equal(cluster.region("sydney").pid, pid, "the gateway never ended");
  const said = cluster.output + verify.stdout + verify.stderr;
  for (const text of [secret, cluster.state.token, cluster.joinToken]) {
    assert.ok(text.length > 16);
    assert.ok(!said.includes(text), "a secret in the output");
  }
});
