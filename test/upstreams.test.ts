/**
 * Upstreams that fail: down, hanging, broken off in the middle of replies, a storm of errors, coming back slowly, flapping, all
 * down. No call hangs past its time-outs, calls are right again within a second, nothing is sent too often, and what each
 * call is charged is what its answer says.
 */

import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, freeBasePort, until } from "./support/cluster.ts";
import { threeRegions } from "./support/configs.ts";
import { FaultyUpstream } from "./support/faulty-upstream.ts";
import { type Answer, UpstreamLoad } from "./support/upstream-load.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
/** How long each fault lasts under load. */
const faultMs = isLong ? 20_000 : 1_800;
const perSecond = 150;
const flaps = isLong ? 30 : 4;
const slowStartMs = isLong ? 10_000 : 2_000;

const ejectMsMax = isLong ? 30_000 : 1_000;
const connectTimeoutMs = 500;
const responseTimeoutMs = 1_000;
/** The gateway looks every 50 ms, and the machine may be busy. */
const slackMs = 500;
const failoverMsMax = 1_000;
const attemptsPerCallMax = 1.1;

let targets: FaultyUpstream[];
let fallback: FaultyUpstream;
let cluster: Cluster;
let load: UpstreamLoad;
let key: string;
let slowestMs = 0;
let failoverMs = 0;

before(async () => {
  const base = await freeBasePort();
  const all = Array.from({ length: 4 }, (_, i) => new FaultyUpstream(base + i));
  await Promise.all(all.map((upstream) => upstream.start()));
  fallback = all[3] as FaultyUpstream;
  targets = all.slice(0, 3);
  const urls = targets.map(({ url }) => `"${url}"`).join(", ");
  const times = `connectTimeout: ${connectTimeoutMs}ms, responseTimeout: ${responseTimeoutMs}ms`;
  const check = "check: { path: /healthz, interval: 200ms, timeout: 200ms }";
  // A trial a second soon enough, so that the test need not wait long for its targets.
  const rest = `slowStart: ${slowStartMs}ms, ejection: { timeMax: ${ejectMsMax}ms }`;
  cluster = await Cluster.start({
    config: threeRegions({
      regions: ["sydney"],
      plans: "pro: { limits: [{ name: month, per: key, quota: 10000000, window: month }] }",
      top: `upstreams:
  shop: { targets: [${urls}], ${times}, ${check}, ${rest}, fallback: far }
  alone: { targets: [${urls}], ${times}, ${rest} }
  far: { targets: ["${fallback.url}"] }`,
      routes: `- { path: "/shop", upstream: shop }
  - { path: "/alone", upstream: alone }`,
    }),
  });
  key = (await cluster.createKnownKey("pro")).key;
  load = new UpstreamLoad(cluster.region("sydney").url, key);
  await allInService();
});

after(async () => {
  await load?.stop();
  await cluster?.stop();
  for (const upstream of [...(targets ?? []), fallback]) await upstream?.stop();
});

/** Of both upstreams, as the gateway's own metrics say. */
async function allInService(): Promise<void> {
  const { operations, url } = cluster.region("sydney");
  await until(async () => {
    // Those on trial come back by a call.
    for (const path of ["/shop", "/alone"]) {
      const reply = await fetch(url + path, { headers: { "x-api-key": key } });
      await reply.text();
      if (reply.headers.get("x-tallygate-outcome") !== "not-attempted") charged++;
    }
    await sleep(100);
    const text = await (await fetch(`${operations}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.includes("tallygate_upstream_addresses{"));
    const isIn = (line: string): boolean => !line.includes('standing="in"') || line.endsWith(" 1");
    return lines.length > 0 && lines.every(isIn);
  }, 60_000);
}

/** Calls of this test's own, not of the load, that an upstream answered. */
let charged = 0;

const isGood = ({ status, isWhole }: Answer): boolean => status === 200 && isWhole;

/** What failed, and until when after the beginning of a fault calls went wrong. */
function judge(answers: readonly Answer[], faultAtMs: number): { bad: Answer[]; untilMs: number } {
  const bad = answers.filter((answer) => !isGood(answer));
  const timeoutMs = connectTimeoutMs + responseTimeoutMs + slackMs;
  for (const { id, tookMs } of answers) {
    slowestMs = Math.max(slowestMs, tookMs);
    assert.ok(tookMs <= timeoutMs, `${id} took ${tookMs} ms`);
  }
  const untilMs = Math.max(0, ...bad.map(({ startMs }) => startMs - faultAtMs));
  return { bad, untilMs };
}

/** Runs the load, with the fault from a moment after its beginning on. */
async function underFault(
  path: string,
  { begin, ms = faultMs }: { begin: () => Promise<void> | void; ms?: number },
): Promise<{ answers: Answer[]; faultAtMs: number }> {
  const running = load.run(path, { perSecond, ms: ms + 300 });
  await sleep(300);
  const faultAtMs = load.nowMs;
  await begin();
  return { answers: await running, faultAtMs };
}

function told(t: TestContext, name: string, { bad, untilMs }: ReturnType<typeof judge>): void {
  failoverMs = Math.max(failoverMs, untilMs);
  t.diagnostic(`${name}: ${bad.length} calls failed, the last ${untilMs.toFixed(0)} ms after`);
}

const one = (): FaultyUpstream => targets[0] as FaultyUpstream;

test("a target that is killed costs only what it was just answering", async (t) => {
  const { answers, faultAtMs } = await underFault("/alone", { begin: () => one().kill() });
  const result = judge(answers, faultAtMs);
  told(t, "down", result);
  assert.ok(result.untilMs <= failoverMsMax, JSON.stringify(result.bad));
  assert.ok(result.bad.length <= 2, JSON.stringify(result.bad));
  await one().start();
  await allInService();
});

test("a target that comes back begins with a small share", async (t) => {
  const at = async (ms: number): Promise<number> => {
    const [before, total] = [one().calls().length, load.answers.length];
    await load.run("/shop", { perSecond, ms });
    return ((one().calls().length - before) * targets.length) / (load.answers.length - total);
  };
  await one().kill();
  await load.run("/shop", { perSecond, ms: 600 });
  await one().start();
  // Its checks bring it back.
  await sleep(500);
  const early = await at(slowStartMs / 8);
  await load.run("/shop", { perSecond, ms: slowStartMs });
  const late = await at(1_000);
  t.diagnostic(`slow start: ${early.toFixed(2)} of its share, then ${late.toFixed(2)}`);
  assert.ok(early <= 0.75, String(early));
  assert.ok(late >= 0.8, String(late));
  await allInService();
});

test("a target that hangs is given up within a second, and no call waits longer than its time-outs", async (t) => {
  const { answers, faultAtMs } = await underFault("/shop", {
    begin: () => one().signal("SIGSTOP"),
  });
  one().signal("SIGCONT");
  const result = judge(answers, faultAtMs);
  told(t, "hanging", result);
  assert.ok(result.untilMs <= failoverMsMax, JSON.stringify(result));
  await allInService();
});

test("replies that break in the middle break the client's, and the target is given up", async (t) => {
  const { answers, faultAtMs } = await underFault("/alone", { begin: () => one().fail("reset") });
  await one().fail("none");
  const { bad, untilMs } = judge(answers, faultAtMs);
  assert.ok(
    bad.every(({ status, isWhole }) => status === 200 && !isWhole),
    "never taken for whole",
  );
  // Beside the first three, and what was on its way, one for every time that the target is tried out.
  const late = bad.filter(({ startMs }) => startMs - faultAtMs > failoverMsMax);
  const trials = isLong ? Math.ceil(Math.log2(faultMs / 1_000 + 1)) : 1 + faultMs / ejectMsMax;
  t.diagnostic(
    `reset: ${bad.length} calls broken, ${late.length} of them trials, ${untilMs.toFixed(0)} ms`,
  );
  assert.ok(late.length <= trials, `${late.length} of ${trials}`);
  assert.ok(bad.length - late.length <= 12, String(bad.length));
  await allInService();
});

test("a storm of errors from one target is over within a second", async (t) => {
  for (const status of [500, 503]) {
    const { answers, faultAtMs } = await underFault("/shop", { begin: () => one().fail(status) });
    await one().fail("none");
    const result = judge(answers, faultAtMs);
    told(t, `errors ${status}`, result);
    assert.ok(result.bad.every((answer) => answer.status === status));
    assert.ok(result.untilMs <= failoverMsMax, JSON.stringify(result.bad));
    await allInService();
  }
});

test("errors from all targets are passed on and not multiplied; refusals from all are stopped", async (t) => {
  const count = (): number => targets.reduce((sum, target) => sum + target.calls().length, 0);
  for (const status of [500, 503]) {
    await Promise.all(targets.map((target) => target.fail(status)));
    const before = count();
    const answers = await load.run("/alone", { perSecond, ms: faultMs });
    const share = (count() - before) / answers.length;
    t.diagnostic(`all ${status}: ${share.toFixed(2)} attempts per call`);
    judge(answers, 0);
    assert.ok(answers.every((answer) => answer.status === status));
    if (status === 500) assert.equal(share, 1);
    else {
      assert.ok(share < 0.6, String(share));
      const refused = answers.filter(({ outcome }) => outcome === "not-attempted");
      assert.ok(refused.length > answers.length * 0.4, String(refused.length));
    }
    await Promise.all(targets.map((target) => target.fail("none")));
    await allInService();
  }
});

test("a target that flaps costs little, whenever it is killed", async (t) => {
  const flap = async (): Promise<void> => {
    for (let i = 0; i < flaps; i++) {
      await one().kill();
      await sleep(200);
      await one().start();
      await sleep(200);
    }
  };
  let flapping: Promise<void> | undefined;
  const { answers, faultAtMs } = await underFault("/alone", {
    begin: () => {
      flapping = flap();
    },
    ms: flaps * 500,
  });
  await flapping;
  const { bad } = judge(answers, faultAtMs);
  t.diagnostic(`flapping: ${bad.length} of ${answers.length} calls failed`);
  assert.ok(bad.length <= 2 * flaps, JSON.stringify(bad));
  await allInService();
});

test("with all targets down calls go to the fallback, or are refused at once", async (t) => {
  const { answers, faultAtMs } = await underFault("/shop", {
    begin: async () => void (await Promise.all(targets.map((target) => target.kill()))),
  });
  const result = judge(answers, faultAtMs);
  told(t, "all down, fallback", result);
  assert.ok(result.untilMs <= failoverMsMax, JSON.stringify(result.bad));
  assert.ok(result.bad.length <= 6, JSON.stringify(result.bad));
  const refused = await load.run("/alone", { perSecond, ms: 1_500 });
  for (const { id, status, outcome, tookMs } of refused) {
    assert.ok(status === 502 || status === 503, `${id} ${status}`);
    assert.equal(outcome, "not-attempted", id);
    assert.ok(tookMs <= slackMs, `${id} took ${tookMs} ms`);
  }
  const reply = await fetch(`${cluster.region("sydney").url}/alone`, {
    headers: { "x-api-key": key },
  });
  const retryAfter = Number(reply.headers.get("retry-after"));
  assert.equal(reply.status, 503, await reply.text());
  assert.ok(retryAfter >= 1 && retryAfter <= 30, String(retryAfter));
  for (const target of targets) await target.start();
  await allInService();
});

test("nothing was sent too often, and every call is charged as its answer says", async (t) => {
  const seen = new Map<string, number>();
  let attempts = 0;
  for (const id of [...targets, fallback].flatMap((upstream) => upstream.calls())) {
    seen.set(id, (seen.get(id) ?? 0) + 1);
    attempts++;
  }
  const { answers } = load;
  for (const { id, method, status, outcome } of answers) {
    const times = seen.get(id) ?? 0;
    if (method === "POST") assert.ok(times <= 1, `${id} was sent ${times} times`);
    else assert.ok(times <= 3, `${id} was sent ${times} times`);
    if (outcome === "not-attempted") assert.equal(times, 0, `${id} was attempted`);
    if (status === 200) assert.ok(times >= 1, id);
  }
  const perCall = attempts / answers.length;
  assert.ok(perCall <= attemptsPerCallMax, `${perCall} attempts a call`);
  const due = charged + answers.filter(({ outcome }) => outcome !== "not-attempted").length;
  const used = async (): Promise<number | undefined> =>
    (await cluster.usage("sydney", key))?.limits[0]?.used;
  await until(async () => (await used()) === due, 10_000).catch(async () =>
    assert.fail(`charged ${await used()}, due ${due}`),
  );
  await sleep(1_000);
  assert.equal(await used(), due);
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  t.diagnostic(
    `figure: ${answers.length} calls, slowest ${slowestMs.toFixed(0)} ms of ${connectTimeoutMs + responseTimeoutMs}; failover ${failoverMs.toFixed(0)} ms; ${perCall.toFixed(3)} attempts a call; charges exact`,
  );
});
