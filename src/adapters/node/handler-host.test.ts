import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FastResponse } from "../../index.ts";
import { nodeHandlerHost } from "./handler-host.ts";

const host = nodeHandlerHost();

test("a fast and a native Response give the same parts", async () => {
  const init = { status: 201, headers: { "x-a": "1", "content-type": "text/plain" } };
  const fast = host.parts(new FastResponse("hello", init));
  const native = host.parts(new Response("hello", init));
  assert.equal(fast?.status, 201);
  assert.equal(fast?.body, "hello");
  assert.deepEqual(fast?.headers, [
    "x-a",
    "1",
    "content-type",
    "text/plain",
    "content-length",
    "5",
  ]);
  assert.equal(native?.status, 201);
  assert.deepEqual(native?.headers, ["content-type", "text/plain", "x-a", "1"]);
  assert.ok(native?.body instanceof ReadableStream);
  assert.equal(await new Response(native.body).text(), "hello");
});

test("bodies of every kind have parts", () => {
  const bodies = [
    null,
    undefined,
    "a",
    new Uint8Array(1),
    new ReadableStream(),
    new Blob(["a"]),
    new URLSearchParams("a=1"),
  ];
  for (const body of bodies) {
    for (const response of [new FastResponse(body), new Response(body)]) {
      assert.notEqual(host.parts(response), undefined);
    }
  }
  assert.equal(host.parts(new Response(null, { status: 204 }))?.body, undefined);
});

test("what is no Response, or a used one, has none", async () => {
  const used = new Response("a");
  await used.text();
  for (const value of [undefined, null, "a", {}, 7, used])
    assert.equal(host.parts(value), undefined);
});

test("a module is loaded anew when it has changed, and a wrong one named", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-handler-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "handler.mjs");
  writeFileSync(file, "export default () => 1;");
  const first = await host.load(file);
  assert.equal(await host.load(file), first);
  writeFileSync(file, "export default () => 2;");
  utimesSync(file, 1, 2_000_000_000);
  assert.notEqual(await host.load(file), first);
  writeFileSync(file, "export default 7;");
  utimesSync(file, 1, 2_000_000_001);
  await assert.rejects(host.load(file), { code: "config-invalid", message: /default export/ });
  writeFileSync(file, "export default (");
  utimesSync(file, 1, 2_000_000_002);
  await assert.rejects(host.load(file), { code: "config-invalid", message: /handler\.mjs/ });
  await assert.rejects(host.load(join(folder, "none.mjs")), { code: "config-invalid" });
});
