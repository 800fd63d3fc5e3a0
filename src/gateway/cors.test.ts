import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "../access/config.ts";
import { FakeResponse, PipelineRig } from "./testing/pipeline-rig.ts";

const site = "https://app.example.com";
const exposed = "RateLimit, RateLimit-Policy, Retry-After, x-request-id, x-region";
const peer = "203.0.113.7";

function rigWith(cors: unknown, routes?: unknown): Promise<PipelineRig> {
  return PipelineRig.create({ config: { cors, ...(routes !== undefined && { routes }) } });
}

function preflight(
  origin: string,
  change: { method?: string; asked?: string; target?: string } = {},
) {
  const { method = "GET", asked, target = "/8.8.8.8" } = change;
  const headers = ["Origin", origin, "Access-Control-Request-Method", method];
  if (asked !== undefined) headers.push("Access-Control-Request-Headers", asked);
  return { method: "OPTIONS", target, peer, headers };
}

test("a preflight is answered without a key, not charged and not forwarded", async () => {
  const rig = await rigWith({ origins: [site], maxAge: "1h" });
  const target = "/api/users/7";
  const reply = await rig.ask(
    preflight(site, { method: "PUT", asked: "x-api-key,content-type", target }),
  );
  assert.equal(reply.status, 204);
  assert.equal(reply.header("access-control-allow-origin"), site);
  assert.equal(reply.header("access-control-allow-methods"), "PUT");
  assert.equal(reply.header("access-control-allow-headers"), "x-api-key,content-type");
  assert.equal(reply.header("access-control-max-age"), "3600");
  assert.match(reply.header("vary") ?? "", /Origin/);
  assert.equal(rig.meter.calls, 0);
  assert.deepEqual(rig.forwarded, []);
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,,preflight}"), 1);
});

test("a site that may not call is told nothing", async () => {
  const rig = await rigWith({ origins: [site] });
  for (const origin of [
    "https://evil.example",
    "null",
    `${site}.evil.example`,
    "http://app.example.com",
  ]) {
    const reply = await rig.ask(preflight(origin));
    assert.equal(reply.status, 204);
    assert.equal(reply.header("access-control-allow-origin"), undefined, origin);
    assert.equal(reply.header("access-control-allow-methods"), undefined);
    const call = await rig.ask({
      target: "/8.8.8.8",
      peer: origin.length + ".1.1.1",
      headers: ["Origin", origin],
    });
    assert.equal(call.header("access-control-allow-origin"), undefined);
    assert.equal(call.header("vary"), "Origin");
  }
});

test("subdomains are taken by their dots, and nothing that only looks like one", async () => {
  const rig = await rigWith({ origins: ["https://*.example.com", "http://localhost:3000"] });
  const cases: readonly [string, boolean][] = [
    ["https://a.example.com", true],
    ["https://a.b.example.com", true],
    ["http://localhost:3000", true],
    ["https://example.com", false],
    ["https://.example.com", false],
    ["https://evilexample.com", false],
    ["https://evil.com/.example.com", false],
    ["https://evil.com@a.example.com", false],
    ["https://a.example.com:8443", false],
    ["http://localhost:3001", false],
  ];
  for (const [origin, isAllowed] of cases) {
    const reply = await rig.ask(preflight(origin));
    const expected = isAllowed && origin !== "https://.example.com" ? origin : undefined;
    assert.equal(reply.header("access-control-allow-origin"), expected, origin);
  }
});

test("admitted calls and refusals of every kind can be read by the page", async () => {
  const rig = await rigWith({ origins: [site], credentials: true, exposedHeaders: ["x-total"] });
  const headers = ["Origin", site];
  const statuses: number[] = [];
  const requests = [
    ...Array.from({ length: 4 }, () => ({ target: "/8.8.8.8", peer, headers })),
    { target: "/a/b/c", peer, headers },
    { target: "/8.8.8.8", peer, headers: [...headers, "x-api-key", "nonsense"] },
    { target: "/-/usage", peer, headers },
  ];
  for (const request of requests) {
    const reply = await rig.ask(request);
    statuses.push(reply.status);
    assert.equal(reply.header("access-control-allow-origin"), site);
    assert.equal(reply.header("access-control-allow-credentials"), "true");
    assert.equal(reply.header("access-control-expose-headers"), `${exposed}, x-total`);
    assert.equal(reply.header("vary"), "Origin");
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 404, 401, 200]);
  rig.unreadyReason = "starting";
  const unready = await rig.ask({ target: "/8.8.8.8", headers });
  assert.deepEqual([unready.status, unready.header("access-control-allow-origin")], [503, site]);
});

test("with * the reply is the same for every site, and needs no Vary", async () => {
  const rig = await rigWith({ origins: ["*"] });
  for (const headers of [[], ["Origin", site], ["Origin", "null"]]) {
    const reply = await rig.ask({
      target: "/8.8.8.8",
      peer: `203.0.113.${headers.length}`,
      headers,
    });
    assert.equal(reply.header("access-control-allow-origin"), "*");
    assert.equal(reply.header("vary"), undefined);
  }
});

test("what the handler says of CORS itself gives way, unless its route has no rules", async () => {
  const says = {
    headers: ["access-control-allow-origin", "https://own.example", "vary", "Accept"],
  };
  const rig = await PipelineRig.create({
    handlers: { "./handler.ts": () => new FakeResponse("x", says) },
    config: {
      cors: { origins: [site] },
      routes: [
        { path: "/general", handler: "./handler.ts" },
        { path: "/own", handler: "./handler.ts", cors: { origins: ["https://other.example"] } },
        { path: "/none", handler: "./handler.ts", cors: false },
      ],
    },
  });
  const origins: (string | undefined)[] = [];
  for (const target of ["/general", "/own", "/none"]) {
    const reply = await rig.ask({ target, headers: ["Origin", site] });
    origins.push(reply.header("access-control-allow-origin"));
  }
  assert.deepEqual(origins, [site, undefined, "https://own.example"]);
  const other = preflight("https://other.example", { target: "/own" });
  assert.equal(
    (await rig.ask(other)).header("access-control-allow-origin"),
    "https://other.example",
  );
});

test("OPTIONS that is no preflight, and all of it without rules, goes its ordinary way", async () => {
  const rig = await rigWith({ origins: [site] });
  const plain = await rig.ask({ method: "OPTIONS", target: "/8.8.8.8", headers: ["Origin", site] });
  assert.equal(plain.status, 200);
  assert.equal(rig.meter.calls, 1);
  const without = await PipelineRig.create();
  assert.equal(
    (await without.ask(preflight(site))).header("access-control-allow-origin"),
    undefined,
  );
  assert.equal(without.meter.calls, 1);
});

test("a preflight's fields cannot carry anything into the reply", async () => {
  const rig = await rigWith({ origins: [site] });
  for (const asked of ["x-a\tx-b", "<script>", "a,,b", "x".repeat(5_000)]) {
    const reply = await rig.ask(preflight(site, { asked }));
    assert.equal(reply.header("access-control-allow-headers"), undefined);
  }
  const fixed = await rigWith({ origins: [site], headers: ["X-Api-Key"], methods: ["GET", "PUT"] });
  const reply = await fixed.ask(preflight(site, { asked: "x-other" }));
  assert.equal(reply.header("access-control-allow-headers"), "X-Api-Key");
  assert.equal(reply.header("access-control-allow-methods"), "GET, PUT");
  const refused = await fixed.ask(preflight(site, { method: "POST" }));
  assert.equal(refused.header("access-control-allow-methods"), undefined);
});

test("refused: credentials for every site, origins with a path or in upper case", () => {
  const compile = (cors: unknown) =>
    compileConfigValue(
      {
        version: 1,
        regions: { sydney: { listen: "127.0.0.1:8081" } },
        plans: { pro: { limits: [] } },
        cors,
        routes: [{ path: "/*", handler: "./handler.ts" }],
      },
      { file: "/c.yaml", fileExists: () => true },
    );
  assert.ok("config" in compile({ origins: ["*"] }));
  for (const cors of [
    { origins: ["*"], credentials: true },
    { origins: ["https://example.com/"] },
    { origins: ["https://Example.com"] },
    { origins: ["https://*"] },
    { origins: ["null"] },
    { origins: [] },
    { origins: ["*"], maxAge: "25h" },
  ]) {
    assert.ok("problems" in compile(cors), JSON.stringify(cors));
  }
});
