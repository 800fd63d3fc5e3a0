import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatApiKey } from "../access/api-key.ts";
import { lookUpsPerSecond } from "./strangers.ts";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const target = "/8.8.8.8";
const peer = "203.0.113.7";

/** A key of the right form that nobody has. */
function wrongKey(number: number): string {
  const entropy = new Uint8Array(20);
  new DataView(entropy.buffer).setUint32(0, number);
  return formatApiKey({ prefix: "ipd", mode: "live", entropy });
}

function withKey(key: string, from = peer) {
  return { target, peer: from, headers: ["x-api-key", key] };
}

function refusals(rig: PipelineRig, reason: string): number {
  return rig.counts.get(`tallygate_stranger_refusals_total{sydney,${reason}}`) ?? 0;
}

describe("wrong keys", () => {
  const config = { clients: { wrongKeysPerMinute: 5 } };

  test("are 401 until there are too many in a minute, then 429 until it ends, for that address only", async () => {
    const rig = await PipelineRig.create({ config });
    for (let i = 0; i < 5; i++) assert.equal((await rig.ask(withKey(wrongKey(i)))).status, 401);
    rig.pass(15_000);
    const limited = await rig.ask(withKey(wrongKey(6)));
    assert.equal(limited.status, 429);
    assert.equal(limited.header("Retry-After"), "45");
    assert.equal(limited.json()["type"], "about:blank");
    assert.equal((await rig.ask(withKey("nonsense"))).status, 429);
    assert.equal((await rig.ask(withKey(wrongKey(7), "203.0.113.8"))).status, 401);
    assert.equal(refusals(rig, "wrong-keys"), 2);
    rig.pass(45_000);
    assert.equal((await rig.ask(withKey(wrongKey(8)))).status, 401);
  });

  test("never hold up a valid key of the same address, known to this process or not", async () => {
    const rig = await PipelineRig.create({ config });
    const [known, fresh] = [rig.key(), rig.key()];
    assert.equal((await rig.ask(withKey(known))).status, 200);
    for (let i = 0; i < 100; i++) await rig.ask(withKey(wrongKey(i)));
    assert.equal((await rig.ask(withKey(fresh))).status, 200);
    assert.equal((await rig.ask(withKey(known))).status, 200);
  });

  test("are looked up a bounded number of times a second once there are too many", async () => {
    const rig = await PipelineRig.create({ config });
    const fresh = rig.key();
    for (let i = 0; i < lookUpsPerSecond + 10; i++) await rig.ask(withKey(wrongKey(i)));
    assert.equal((await rig.ask(withKey(fresh))).status, 429, "not looked up: it may be wrong");
    rig.pass(1_000);
    assert.equal((await rig.ask(withKey(fresh))).status, 200);
  });

  test("get one answer whether unknown, revoked, expired or no key at all", async () => {
    const rig = await PipelineRig.create({ config });
    const bad = [
      rig.key({ revoked: true }),
      rig.key({ expiresAtMs: rig.nowMs - 1 }),
      wrongKey(1),
      "nonsense",
    ];
    for (const round of [401, 429]) {
      for (const key of bad) assert.equal((await rig.ask(withKey(key))).status, round);
      await rig.ask(withKey("nonsense"));
      await rig.ask(withKey("nonsense"));
    }
  });

  test("leave the anonymous tier of their address alone", async () => {
    const rig = await PipelineRig.create({ config });
    for (let i = 0; i < 20; i++) await rig.ask(withKey(wrongKey(i)));
    assert.equal((await rig.ask({ target, peer })).status, 200);
  });
});

describe("lists of addresses", () => {
  test("a denied address gets 403 with a key or without, and is charged nothing", async () => {
    const rig = await PipelineRig.create({ config: { clients: { deny: ["203.0.113.0/24"] } } });
    for (const request of [{ target, peer }, withKey(rig.key()), withKey("nonsense")]) {
      assert.equal((await rig.ask(request)).status, 403);
    }
    assert.equal(rig.meter.calls, 0);
    assert.equal(refusals(rig, "denied"), 3);
    assert.equal((await rig.ask({ target, peer: "203.0.114.1" })).status, 200);
  });

  test("a denied address gets no answer to a preflight either, only to a question for health, whatever the state", async () => {
    const config = { clients: { deny: ["203.0.113.0/24"] }, cors: { origins: ["*"] } };
    const rig = await PipelineRig.create({ config });
    const preflight = (from: string) => ({
      ...{ target, peer: from, method: "OPTIONS" },
      headers: ["Origin", "https://a.test", "Access-Control-Request-Method", "GET"],
    });
    for (const hasJoined of [true, false]) {
      rig.hasJoined = hasJoined;
      assert.equal((await rig.ask(preflight(peer))).status, 403);
      assert.equal((await rig.ask(preflight("203.0.114.1"))).status, 204);
      assert.equal((await rig.ask({ target: "/-/usage", peer })).status, 403);
      assert.equal((await rig.ask({ target: "/-/health", peer })).status, 200);
    }
  });

  test("behind a trusted proxy the caller's address decides, not the proxy's", async () => {
    const rig = await PipelineRig.create({
      config: { clients: { trustedProxies: ["10.0.0.0/8"], allow: ["203.0.113.0/24"] } },
    });
    const via = (address: string) => ({
      target,
      peer: "10.0.0.1",
      headers: ["x-forwarded-for", address],
    });
    assert.equal((await rig.ask(via("203.0.113.9"))).status, 200);
    assert.equal((await rig.ask(via("198.51.100.9"))).status, 403);
    assert.equal((await rig.ask({ target, peer: "198.51.100.9" })).status, 403);
  });
});

describe("blocks", () => {
  const config = { clients: { block: { after: 20, for: "10m" } } };

  async function hammer(rig: PipelineRig, times: number): Promise<number> {
    let status = 0;
    for (let i = 0; i < times; i++) status = (await rig.ask({ target, peer })).status;
    return status;
  }

  test("an address that goes on after its 429s is blocked for a while, and logged without its end", async () => {
    const rig = await PipelineRig.create({ config });
    assert.equal(await hammer(rig, 3 + 20), 429);
    const blocked = await rig.ask({ target, peer });
    assert.equal(blocked.status, 403);
    assert.equal(blocked.header("Retry-After"), "600");
    assert.equal((await rig.ask({ target, peer: "203.0.113.8" })).status, 200);
    const line = rig.logged.find(({ message }) => message.includes("blocked"));
    assert.equal(line?.fields?.["address"], "203.0.113.0/24");
    rig.pass(600_000);
    assert.equal(await hammer(rig, 1), 429, "free again, its quota used up as before");
  });

  test("a valid key is not blocked by its address", async () => {
    const rig = await PipelineRig.create({ config });
    await hammer(rig, 30);
    assert.equal((await rig.ask(withKey(rig.key()))).status, 200);
    assert.equal((await rig.ask(withKey(wrongKey(1)))).status, 401);
  });

  test("nobody is blocked unless the configuration says so, nor for refusals of different minutes", async () => {
    const plain = await PipelineRig.create();
    assert.equal(await hammer(plain, 1_000), 429);
    const slow = await PipelineRig.create({ config });
    for (let i = 0; i < 5; i++) {
      assert.notEqual(await hammer(slow, 15), 403);
      slow.pass(60_000);
    }
  });
});
