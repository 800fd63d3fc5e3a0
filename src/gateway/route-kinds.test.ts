import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "../access/config.ts";
import { FakeResponse, PipelineRig } from "./testing/pipeline-rig.ts";

function rigOf(...routes: unknown[]): Promise<PipelineRig> {
  return PipelineRig.create({ config: { routes } });
}

test("a redirect takes parameters, rest and query along, never a key, and costs what its route says", async () => {
  const rig = await rigOf(
    { path: "/old/*", redirect: { to: "https://new.example.com/v2/{*}", status: "308" }, cost: 0 },
    { path: "/u/{id}", redirect: { to: "/users/{id}?from=u" } },
    { path: "/any/*", redirect: { to: "/{*}" } },
  );
  const key = rig.key();
  const cases: readonly [target: string, status: number, location: string][] = [
    [`/old/a/b?x=1&api-key=${key}`, 308, "https://new.example.com/v2/a/b?x=1"],
    ["/u/7%20?x=1", 307, "/users/7%20?from=u"],
    ["/any//evil.example/x", 307, "/evil.example/x"],
  ];
  for (const [target, status, location] of cases) {
    const reply = await rig.ask({ target, headers: ["x-api-key", key] });
    assert.deepEqual([reply.status, reply.header("location")], [status, location]);
  }
  assert.deepEqual([rig.meter.calls, rig.meter.chargedUnits], [3, 2]);
});

test("a fixed reply has its status, fields and body, and counts like a call", async () => {
  const reply = { status: 410, headers: { "Content-Type": "text/html" }, body: "<p>gone</p>" };
  const rig = await rigOf(
    { path: "/gone", reply },
    { path: "/ok", reply: { body: "ok" } },
    { path: "/none", reply: { status: 204 } },
  );
  const gone = await rig.ask({ target: "/gone" });
  assert.deepEqual(
    [gone.status, gone.text, gone.header("content-type")],
    [410, "<p>gone</p>", "text/html"],
  );
  assert.equal(gone.header("RateLimit"), '"day";r=2;t=43200');
  assert.equal(
    (await rig.ask({ target: "/ok" })).header("content-type"),
    "text/plain; charset=utf-8",
  );
  assert.equal((await rig.ask({ target: "/none" })).status, 204);
  assert.equal((await rig.ask({ target: "/ok" })).status, 429);
});

test("files are for GET and HEAD unless the route names methods", async () => {
  const rig = await rigOf({ path: "/docs/*", files: "./public" });
  assert.equal((await rig.ask({ target: "/docs/a" })).status, 200);
  const refused = await rig.ask({ target: "/docs/a", method: "POST" });
  assert.deepEqual([refused.status, refused.header("allow")], [405, "GET, HEAD"]);
});

test("an upstream gets the path and fields that its route says", async () => {
  const rig = await rigOf({
    path: "/api/{version}/*",
    upstream: "users",
    rewritePath: "/{version}/internal/{*}",
    requestHeaders: { set: { "X-Team": "red" }, add: { "X-Tag": "b" }, remove: ["Cookie"] },
  });
  const headers = ["x-team", "blue", "X-TEAM", "green", "x-tag", "a", "cookie", "secret"];
  await rig.ask({ target: "/api/v1/users/7?q=1", headers });
  const request = rig.forwarded[0]?.request;
  assert.equal(request?.target, "/v1/internal/users/7?q=1");
  const valuesOf = (name: string) =>
    request?.headers.filter((_, i, all) => i % 2 === 1 && all[i - 1] === name);
  assert.deepEqual(
    [valuesOf("x-team"), valuesOf("x-tag"), valuesOf("cookie")],
    [["red"], ["a", "b"], []],
  );
});

test("replies of a route carry its fields, those of the gateway untouched", async () => {
  const rig = await PipelineRig.create({
    handlers: {
      "./handler.ts": () =>
        new FakeResponse("x", { headers: ["server", "secret/1.0", "x-a", "1"] }),
    },
    config: {
      routes: [
        {
          path: "/a",
          handler: "./handler.ts",
          responseHeaders: {
            set: { "X-A": "2" },
            add: { "cache-control": "no-store" },
            remove: ["Server"],
          },
        },
      ],
    },
  });
  const reply = await rig.ask({ target: "/a" });
  assert.deepEqual(
    ["server", "x-a", "cache-control", "x-region"].map((name) => reply.header(name)),
    [undefined, "2", "no-store", "sydney"],
  );
});

test("a body above its route's bound is refused before it is charged, below it is let in above the listener's", async () => {
  const rig = await PipelineRig.create({
    config: {
      listener: { bodyMax: "1KiB" },
      routes: [
        { path: "/small", handler: "./handler.ts", bodyMax: "10B" },
        { path: "/usual", handler: "./handler.ts" },
        { path: "/large", handler: "./handler.ts", bodyMax: "1MiB" },
      ],
    },
  });
  const post = async (target: string, bytes: number): Promise<number> => {
    const headers = ["content-length", String(bytes), "x-api-key", key];
    return (await rig.ask({ method: "POST", target, headers })).status;
  };
  const key = rig.key();
  assert.deepEqual([await post("/small", 10), await post("/small", 11)], [200, 413]);
  assert.deepEqual([await post("/usual", 1_024), await post("/usual", 1_025)], [200, 413]);
  assert.deepEqual([await post("/large", 1_048_576), await post("/large", 1_048_577)], [200, 413]);
  assert.equal(rig.meter.calls, 3);
});

const refused: readonly [expected: string, route: Record<string, unknown>][] = [
  ["exactly one of upstream, handler, redirect, reply, files", { path: "/a" }],
  ["exactly one of", { path: "/a", handler: "./h.ts", reply: {} }],
  ["rewritePath only with an upstream", { path: "/a", reply: {}, rewritePath: "/b" }],
  [
    "one of stripPrefix and this",
    { path: "/a/*", upstream: "u", stripPrefix: "/a", rewritePath: "/b" },
  ],
  ["a path without empty segments", { path: "/a", redirect: { to: "//evil.example/" } }],
  ["a path or URL such as", { path: "/{t}", redirect: { to: "https://{t}.example.com/" } }],
  ["a path or URL such as", { path: "/a", redirect: { to: "javascript:alert(1)" } }],
  ["a path that ends in /*", { path: "/a", files: "./public" }],
  ["no body with status 204", { path: "/a", reply: { status: 204, body: "x" } }],
  ["without line breaks", { path: "/a", reply: { headers: { a: "b\r\nc: d" } } }],
  [
    "fields that are not the gateway's own",
    { path: "/a", reply: {}, responseHeaders: { remove: ["x-region"] } },
  ],
  [
    "fields that are not the gateway's own",
    { path: "/a", upstream: "u", requestHeaders: { set: { Host: "b" } } },
  ],
  ["up to 1TiB", { path: "/a", reply: {}, bodyMax: "2TiB" }],
];

for (const [expected, route] of refused) {
  test(`refused: ${JSON.stringify(route)}`, () => {
    const value = {
      version: 1,
      regions: { sydney: { listen: "127.0.0.1:8081" } },
      plans: { pro: { limits: [] } },
      upstreams: { u: { targets: ["http://127.0.0.1:8091"] } },
      routes: [route],
    };
    const result = compileConfigValue(value, { file: "/c.yaml", fileExists: () => true });
    assert.ok("problems" in result, "it was taken");
    const messages = result.problems.map(({ message }) => message);
    assert.ok(
      messages.some((message) => message.includes(expected)),
      messages.join("\n"),
    );
  });
}
