import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessRecord, type CallObserver, pathNotedMax } from "./access-record.ts";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const handlers = { "./handler.ts": () => new Response("hello") };

async function watched() {
  const begun: AccessRecord[] = [];
  const ended: AccessRecord[] = [];
  const observer: CallObserver = {
    began: (record) => void begun.push(record),
    ended: (record) => void ended.push(record),
  };
  const rig = await PipelineRig.create({ handlers, observer });
  return { rig, begun, ended };
}

test("an admitted call's record says who, what and when, and is given once", async () => {
  const { rig, ended } = await watched();
  const key = rig.key();
  rig.elapsedMs = 10;
  const headers = ["X-Api-Key", key];
  await rig.ask({ target: "/8.8.8.8?q=hush", headers, peer: "203.0.113.77" });
  assert.equal(ended.length, 1);
  const [record] = ended;
  assert.deepEqual(
    [record?.method, record?.path, record?.status, record?.outcome, record?.plan, record?.bytes],
    ["GET", "/8.8.8.8", 200, "admitted", "pro", 5],
  );
  assert.match(record?.key ?? "", /^k_/);
  assert.equal(record?.address, "203.0.113.0/24");
  assert.ok(record.identifiedMs > 0 && record.decidedMs > 0 && record.storedMs > 0);
  assert.ok(!JSON.stringify(record).includes(key));
});

test("a call that is refused has a record, as far as it came", async () => {
  const { rig, ended } = await watched();
  await rig.ask({ target: "/a", headers: ["X-Api-Key", "ipd_live_wrong"] });
  await rig.ask({ target: "/../a" });
  assert.deepEqual(
    ended.map(({ status, outcome, key }) => [status, outcome, key]),
    [
      [401, "unauthorized", ""],
      [400, "malformed", ""],
    ],
  );
});

test("an address of IPv6 is cut, and a long path too", async () => {
  const { rig, ended } = await watched();
  await rig.ask({ target: `/${"a".repeat(pathNotedMax)}`, peer: "2001:db8:1:2:3::4" });
  assert.equal(ended[0]?.address, "2001:db8:1::/48");
  assert.equal(ended[0]?.path.length, pathNotedMax);
});

test("a charge that is not stored has no time of it", async () => {
  const { rig, ended, begun } = await watched();
  rig.send({ target: "/a" });
  assert.equal(begun[0]?.storedMs, 0);
  rig.pass(6_000);
  assert.equal(ended[0]?.status, 503);
});
