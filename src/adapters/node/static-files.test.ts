import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Handler, HandlerCall } from "../../ports/handler.ts";
import { staticFiles } from "./static-files.ts";

const changed = new Date(Date.UTC(2026, 10, 21, 12));
const large = Buffer.alloc(300_000, "0123456789");
let folder: string;
let handler: Handler;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-files-"));
  const root = join(folder, "public");
  mkdirSync(join(root, "docs", "deep"), { recursive: true });
  writeFileSync(join(folder, "secret.txt"), "secret");
  writeFileSync(join(root, "index.html"), "<h1>home</h1>");
  writeFileSync(join(root, "docs", "index.html"), "docs");
  writeFileSync(join(root, "docs", "a b.txt"), "blank");
  writeFileSync(join(root, ".env"), "KEY=1");
  writeFileSync(join(root, "large.bin"), large);
  writeFileSync(join(root, "empty.css"), "");
  symlinkSync(join(folder, "secret.txt"), join(root, "link.txt"));
  symlinkSync(join(root, "docs"), join(root, "alias"));
  utimesSync(join(root, "large.bin"), changed, changed);
  handler = await staticFiles(root, 1);
});

after(() => rmSync(folder, { recursive: true }));

async function ask(path: string, headers: Record<string, string> = {}, method = "GET") {
  const request = new Request(`http://api.example.com/files${path}`, { method, headers });
  const response = await handler(request, {} as HandlerCall);
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, header: (name: string) => response.headers.get(name), body };
}

const found: readonly [path: string, type: string, text: string][] = [
  ["/", "text/html; charset=utf-8", "<h1>home</h1>"],
  ["", "text/html; charset=utf-8", "<h1>home</h1>"],
  ["/index.html", "text/html; charset=utf-8", "<h1>home</h1>"],
  ["/docs/", "text/html; charset=utf-8", "docs"],
  ["/docs/a%20b.txt", "text/plain; charset=utf-8", "blank"],
  ["/alias/a%20b.txt", "text/plain; charset=utf-8", "blank"],
  ["/empty.css", "text/css; charset=utf-8", ""],
];

for (const [path, type, text] of found) {
  test(`found: ${path}`, async () => {
    const reply = await ask(path);
    assert.deepEqual(
      [reply.status, reply.header("content-type"), reply.body.toString()],
      [200, type, text],
    );
    assert.equal(reply.header("x-content-type-options"), "nosniff");
    assert.equal(reply.header("content-length"), String(text.length));
  });
}

for (const path of [
  "/nothing",
  "/index.html/",
  "/docs/deep/",
  "/.env",
  "/docs/..%2f..%2fsecret.txt",
  "/..%5csecret.txt",
  "/link.txt",
  "/docs//a%20b.txt",
  "/%00",
  "/%ff",
  `/${"x".repeat(5_000)}`,
]) {
  test(`not found: ${path.slice(0, 40)}`, async () => {
    const reply = await ask(path);
    assert.deepEqual([reply.status, reply.body.toString()], [404, "Not found\n"]);
  });
}

test("a folder without its slash is sent there, the query with its key left out", async () => {
  const reply = await ask("/docs?api-key=x");
  assert.deepEqual([reply.status, reply.header("location")], [308, "/files/docs/"]);
});

test("a large file arrives whole, and HEAD tells its length", async () => {
  const reply = await ask("/large.bin");
  assert.ok(reply.body.equals(large));
  const head = await ask("/large.bin", {}, "HEAD");
  assert.deepEqual(
    [head.status, head.header("content-length"), head.body.length],
    [200, "300000", 0],
  );
  assert.equal(head.header("last-modified"), "Sat, 21 Nov 2026 12:00:00 GMT");
});

const ranges: readonly [range: string, status: number, from: number, to: number][] = [
  ["bytes=0-9", 206, 0, 10],
  ["bytes=299990-", 206, 299_990, 300_000],
  ["bytes=-5", 206, 299_995, 300_000],
  ["bytes=-999999", 206, 0, 300_000],
  ["bytes=5-999999", 206, 5, 300_000],
  ["bytes=9-5", 200, 0, 300_000],
  ["bytes=0-1,5-6", 200, 0, 300_000],
  ["bytes=-", 200, 0, 300_000],
  ["lines=1-2", 200, 0, 300_000],
  ["bytes=300000-", 416, 0, 0],
  ["bytes=-0", 416, 0, 0],
];

for (const [range, status, from, to] of ranges) {
  test(`range ${range}`, async () => {
    const reply = await ask("/large.bin", { range });
    assert.equal(reply.status, status);
    assert.ok(reply.body.equals(large.subarray(from, to)));
    const told = reply.header("content-range");
    if (status === 206) assert.equal(told, `bytes ${from}-${to - 1}/300000`);
    else assert.equal(told, status === 416 ? "bytes */300000" : null);
  });
}

test("what has not changed is not sent again, and a range of what has changed is sent whole", async () => {
  const tag = (await ask("/large.bin")).header("etag") as string;
  const later = "Sat, 21 Nov 2026 12:00:01 GMT";
  const same = "Sat, 21 Nov 2026 12:00:00 GMT";
  const earlier = "Sat, 21 Nov 2026 11:59:59 GMT";
  const cases: readonly [Record<string, string>, number][] = [
    [{ "if-none-match": tag }, 304],
    [{ "if-none-match": `"x", W/${tag}` }, 304],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": '"x"', "if-modified-since": later }, 200],
    [{ "if-modified-since": same }, 304],
    [{ "if-modified-since": earlier }, 200],
    [{ "if-modified-since": "yesterday" }, 200],
    [{ range: "bytes=0-9", "if-range": tag }, 206],
    [{ range: "bytes=0-9", "if-range": same }, 206],
    [{ range: "bytes=0-9", "if-range": '"x"' }, 200],
  ];
  for (const [headers, status] of cases) {
    assert.equal((await ask("/large.bin", headers)).status, status, JSON.stringify(headers));
  }
});

test("a file that becomes shorter meanwhile breaks the reply off", async () => {
  const path = join(folder, "public", "shrinks.bin");
  writeFileSync(path, large);
  const response = await handler(new Request("http://a/files/shrinks.bin"), {} as HandlerCall);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  truncateSync(path, 70_000);
  await assert.rejects(async () => {
    for (;;) if ((await reader.read()).done) return;
  }, /shorter/);
});

test("a folder that is not there is told at the start", async () => {
  await assert.rejects(staticFiles(join(folder, "missing"), 1), { code: "config-invalid" });
});
