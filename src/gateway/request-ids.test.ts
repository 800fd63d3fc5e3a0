import assert from "node:assert/strict";
import { test } from "node:test";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const rigOf = () => PipelineRig.create({ config: { clients: { trustedProxies: ["10.0.0.0/8"] } } });

async function idOf(rig: PipelineRig, peer: string, ...ids: readonly string[]): Promise<string> {
  const headers = ids.flatMap((id) => ["X-Request-Id", id]);
  const reply = await rig.ask({ target: "/8.8.8.8", peer, headers });
  return reply.header("x-request-id") ?? "";
}

test("a trusted proxy's id is kept, in the reply, in problems and towards the upstream", async () => {
  const rig = await rigOf();
  assert.equal(await idOf(rig, "10.1.2.3", "a1b2-c3/7=:@~"), "a1b2-c3/7=:@~");
  const missing = await rig.ask({
    target: "/a/b",
    peer: "10.1.2.3",
    headers: ["x-request-id", "from-proxy"],
  });
  assert.equal(missing.json()["instance"], "from-proxy");
  await rig.ask({
    target: "/api/users/1",
    peer: "::ffff:10.1.2.3",
    headers: ["x-request-id", "up"],
  });
  const sent = rig.forwarded[0]?.request.headers ?? [];
  assert.equal(sent[sent.indexOf("x-request-id") + 1], "up");
});

test("anyone else's is not, nor one that could spoil a log, nor one of two", async () => {
  const rig = await rigOf();
  const own = /^abc-/;
  assert.match(await idOf(rig, "203.0.113.7", "mine"), own);
  for (const id of ["", "a b", 'a"b', "x".repeat(129), "ä"]) {
    assert.match(await idOf(rig, "10.1.2.3", id), own, id);
  }
  assert.match(await idOf(rig, "10.1.2.3", "a", "b"), own);
  assert.match(await idOf(rig, "10.1.2.3"), own);
});

test("without trusted proxies nobody is", async () => {
  const rig = await PipelineRig.create();
  assert.match(await idOf(rig, "10.1.2.3", "mine"), /^abc-/);
});
