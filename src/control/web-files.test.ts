import assert from "node:assert/strict";
import { test } from "node:test";
import type { WebFile } from "../ports/web-files.ts";
import { createControl } from "./control.ts";
import { createFakeHub } from "./testing/fake-hub.ts";
import { contentPolicy, webPages } from "./web-files.ts";

const encoder = new TextEncoder();

function file(text: string, type: string, isImmutable: boolean): WebFile {
  const bytes = encoder.encode(text);
  return { tag: `tag-${text.length}`, type, isImmutable, bytes, gzip: encoder.encode("zipped") };
}

const page = file("<!doctype html><p>page</p>", "text/html; charset=utf-8", false);
const script = file("let x;", "text/javascript; charset=utf-8", true);
const web = new Map([
  ...Object.values(webPages).map((path): [string, WebFile] => [path, page]),
  ["assets/start-1.js", script] as const,
]);
const app = createControl({ ...createFakeHub().context, web });

test("every page is served without a token, under the strict policy, to be asked for again", async () => {
  for (const path of Object.keys(webPages)) {
    const response = await app.request(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-security-policy"), contentPolicy);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-cache");
    assert.equal(await response.text(), "<!doctype html><p>page</p>");
  }
  assert.doesNotMatch(contentPolicy, /unsafe|\*|data:|https?:/);
});

test("an asset is kept for ever; one that is not there is not found", async () => {
  const response = await app.request("/assets/start-1.js");
  assert.equal(response.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const none = await app.request("/assets/start-2.js");
  assert.equal(none.status, 404);
  assert.equal(none.headers.get("cache-control"), "no-store");
});

test("no path leads out of the folder", async () => {
  for (const path of [
    "/assets/..%2fdashboard%2findex.html",
    "/assets/%2e%2e/dashboard/index.html",
    "/assets/../../package.json",
    "/assets/..%5c..%5cpackage.json",
    "/assets/start-1.js%00",
    "/dashboard/index.html",
    "/assets/",
    "/assets//start-1.js",
    "//assets/start-1.js",
  ]) {
    const response = await app.fetch(new Request(`http://hub.test${path}`));
    assert.equal(response.status, 404, path);
  }
});

test("gzip goes to who takes it, under a tag of its own", async () => {
  const cases = [
    ["gzip, br", true],
    ["GZIP;q=0.5", true],
    ["gzip;q=0", false],
    ["br", false],
    ["", false],
  ] as const;
  for (const [accepted, isGzip] of cases) {
    const headers = { "accept-encoding": accepted };
    const response = await app.request("/assets/start-1.js", { headers });
    assert.equal(response.headers.get("content-encoding"), isGzip ? "gzip" : null, accepted);
    assert.equal(response.headers.get("etag"), isGzip ? '"tag-6-gz"' : '"tag-6"');
    assert.equal(response.headers.get("vary"), "Accept-Encoding");
    assert.equal(await response.text(), isGzip ? "zipped" : "let x;");
  }
});

test("what a browser has already is not sent again", async () => {
  const cases = [
    ['"tag-26"', 304],
    ['W/"tag-26", "x"', 304],
    ["*", 304],
    ['"tag-26-gz"', 200],
    ['"other"', 200],
  ] as const;
  for (const [tag, status] of cases) {
    const response = await app.request("/", { headers: { "if-none-match": tag } });
    assert.equal(response.status, status, tag);
    assert.equal(response.headers.get("content-security-policy"), contentPolicy);
  }
});

test("HEAD is GET without the body; other methods are refused", async () => {
  const head = await app.request("/", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
  const post = await app.request("/", { method: "POST" });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
});

test("a checkout without built pages says how to build them", async () => {
  const bare = createControl(createFakeHub().context);
  const response = await bare.request("/");
  assert.equal(response.status, 404);
  assert.match(await response.text(), /npm run web/);
});
