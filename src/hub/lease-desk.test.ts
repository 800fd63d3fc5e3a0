/** Leases at the hub, over its link: who gets what, what survives, and what a restored hub refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprintSubject } from "../access/subject-fingerprint.ts";
import { hashKeyFromHex } from "../base/hash.ts";
import { OpenBatch } from "../metering/open-batch.ts";
import type { LeaseAsk, LeaseReply } from "../ports/link.ts";
import { FakeGateway } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const day = "day/2026-11-21T00:00:00Z";
const quota = 100;
const limits = ["pro", "max"].map((plan) => ({
  ...{ plan, limit: "day", per: "key", window: "day", scope: "global" as const, isStrict: true },
  quota: plan === "pro" ? quota : 10 * quota,
}));

class Desk {
  readonly rig = new HubRig();
  keyId = "";

  static async open(): Promise<{ desk: Desk; sydney: FakeGateway; london: FakeGateway }> {
    const desk = new Desk();
    await desk.rig.start({ limits });
    const [sydney, london] = [new FakeGateway("sydney"), new FakeGateway("london")];
    for (const gateway of [sydney, london]) await desk.rig.connect(gateway);
    desk.keyId = await desk.makeKey("pro");
    return { desk, sydney, london };
  }

  async makeKey(plan: string): Promise<string> {
    const restrict = { referers: [], addresses: [], routes: [] };
    const request = { plan, owner: "", name: "", expiresAtMs: 0, mode: "live", restrict } as const;
    const made = this.rig.hub?.api.registry.create(request);
    await this.rig.run(10);
    return (await made)?.id ?? "";
  }

  ask(gateway: FakeGateway, request: number, change: Partial<LeaseAsk> = {}): LeaseAsk {
    const subject = `key:${this.keyId}`;
    const welcome = gateway.received.findLast(({ kind }) => kind === "welcome");
    const place = { lo: 0, hi: 0 };
    assert.ok(welcome?.kind === "welcome");
    fingerprintSubject(hashKeyFromHex(welcome.hashKey), change.subject ?? subject, place);
    const asked = { request, plan: "pro", limit: "day", subject, window: day, ...place };
    return { ...asked, want: 40, needed: 1, ...change };
  }

  /** What a request is answered. */
  async answer(
    gateway: FakeGateway,
    request: number,
    change: Partial<LeaseAsk> = {},
  ): Promise<LeaseReply | undefined> {
    const before = gateway.received.length;
    gateway.send({ kind: "lease-request", requests: [this.ask(gateway, request, change)] });
    await this.rig.run(20);
    for (const message of gateway.received.slice(before)) {
      if (message.kind === "lease-answer") return message.answers[0];
    }
    return undefined;
  }

  /** Sends a batch that closes a lease. */
  async close(gateway: FakeGateway, request: number, spent: number): Promise<void> {
    const { producer, incarnation, region } = gateway;
    const { window, lo, hi } = this.ask(gateway, request);
    const open = new OpenBatch();
    open.close({ incarnation, request, window, lo, hi, spent });
    const seq = gateway.sealed.length + 1;
    const { bytes } = open.seal({ producer, incarnation, seq, region, sealedAtMs: 1 });
    gateway.sealed.push(bytes);
    gateway.sendBatch(seq);
    await this.rig.run(50);
  }

  async verify(): Promise<readonly string[]> {
    const report = this.rig.hub?.api.verify();
    await this.rig.run(30_000);
    return (await report)?.problems ?? ["no report"];
  }
}

test("a quota is handed out to its last unit and no further", async () => {
  const { desk, sydney, london } = await Desk.open();
  let granted = 0;
  for (let request = 1; ; request++) {
    const answer = await desk.answer(request % 2 === 0 ? sydney : london, request);
    if (answer?.result !== "granted") {
      assert.equal(answer?.result, "others-hold");
      break;
    }
    granted += answer.units;
  }
  assert.equal(granted, quota);
});

test("what comes back is granted again, what was used is not, and a second word changes nothing", async () => {
  const { desk, sydney, london } = await Desk.open();
  const [first, second] = [
    await desk.answer(sydney, 1),
    await desk.answer(sydney, 2, { want: 99 }),
  ];
  const units = (first?.units ?? 0) + (second?.units ?? 0);
  assert.ok(units > 50);
  await desk.close(sydney, 1, 10);
  await desk.close(sydney, 1, 0);
  const { heldUnits, consumedUnits } = desk.rig.hub?.api.status().leases ?? {};
  assert.deepEqual([heldUnits, consumedUnits], [second?.units, 10]);
  await desk.close(sydney, 2, second?.units ?? 0);
  let used = 10 + (second?.units ?? 0);
  for (let request = 1; used < quota; request++) {
    const { units: more = 0 } = (await desk.answer(london, request)) ?? {};
    await desk.close(london, request, more);
    used += more;
  }
  assert.equal((await desk.answer(sydney, 3))?.result, "used-up");
  assert.deepEqual(await desk.verify(), []);
});

test("the same request gets the same lease: repeated, after a new connection, and after a crash of the hub", async () => {
  const { desk, sydney } = await Desk.open();
  const first = await desk.answer(sydney, 1);
  assert.equal(first?.result, "granted");
  assert.deepEqual(await desk.answer(sydney, 1, { want: 1 }), first);
  await desk.rig.run(5_000);
  desk.rig.crash();
  await desk.rig.start({ limits });
  await desk.rig.reconnect(sydney, {});
  assert.deepEqual(await desk.answer(sydney, 1), first);
  assert.equal(desk.rig.hub?.api.status().leases.heldUnits, first?.units);
});

test("what was granted stays granted when the key is revoked before the answer arrives", async () => {
  const { desk, sydney } = await Desk.open();
  const first = await desk.answer(sydney, 1);
  assert.equal(first?.result, "granted");
  const revoked = desk.rig.hub?.api.registry.revoke(desk.keyId);
  await desk.rig.run(10);
  await revoked;
  assert.deepEqual(await desk.answer(sydney, 1), first);
  assert.equal((await desk.answer(sydney, 2))?.result, "refused");
  await desk.close(sydney, 1, 0);
  assert.equal(desk.rig.hub?.api.status().leases.heldUnits, 0);
});

test("who asks for more is not told to give back what it holds", async () => {
  const { desk, sydney } = await Desk.open();
  for (let request = 1; ; request++) {
    if ((await desk.answer(sydney, request))?.result !== "granted") break;
  }
  assert.ok(!sydney.received.some(({ kind }) => kind === "lease-wanted"));
});

test("holders hear that others want units when nothing is free", async () => {
  const { desk, sydney, london } = await Desk.open();
  for (let request = 1; ; request++) {
    if ((await desk.answer(sydney, request))?.result !== "granted") break;
  }
  assert.equal((await desk.answer(london, 1))?.result, "others-hold");
  const heard = sydney.received.find(({ kind }) => kind === "lease-wanted");
  assert.ok(heard?.kind === "lease-wanted");
  assert.equal(heard.counters[0]?.window, day);
});

test("what is no strict limit, key, window or counter of this cluster is refused", async () => {
  const { desk, sydney } = await Desk.open();
  const wrong: readonly Partial<LeaseAsk>[] = [
    { plan: "free" },
    { limit: "month" },
    { plan: "max" },
    { subject: "key:k_unknown" },
    { subject: "owner:acme" },
    { window: "month/2026-11-01T00:00:00Z" },
    { window: "day/2026-11-22T00:00:00Z" },
    { window: "day/2026-11-19T00:00:00Z" },
    { window: `${day}/sydney` },
    { window: "nonsense" },
    { lo: 7, hi: 7 },
  ];
  for (const [i, change] of wrong.entries()) {
    const answer = await desk.answer(sydney, i + 1, change);
    assert.equal(answer?.result, "refused", JSON.stringify(change));
  }
  assert.equal(desk.rig.hub?.api.status().leases.heldUnits, 0);
});

test("a window is granted of some seconds before it begins", async () => {
  const { desk, sydney } = await Desk.open();
  const next = { window: "day/2026-11-22T00:00:00Z" };
  desk.rig.time.skip(11 * 3_600_000 + 59 * 60_000 + 52_000);
  assert.equal((await desk.answer(sydney, 1, next))?.result, "granted");
});

test("a key moved to a strict plan is soft in the window that runs and strict in the next", async () => {
  const { desk, sydney } = await Desk.open();
  const moved = desk.rig.hub?.api.registry.update(desk.keyId, { plan: "max" });
  await desk.rig.run(20);
  await moved;
  assert.equal((await desk.answer(sydney, 1, { plan: "max" }))?.result, "soft");
  desk.rig.time.skip(12 * 3_600_000);
  const next = { plan: "max", window: "day/2026-11-22T00:00:00Z" };
  assert.equal((await desk.answer(sydney, 2, next))?.result, "granted");
});

test("a key moved just after a window began is soft in the one before, too: a gateway may be in it still", async () => {
  const { desk, sydney } = await Desk.open();
  desk.rig.time.skip(12 * 3_600_000 + 300);
  const moved = desk.rig.hub?.api.registry.update(desk.keyId, { plan: "max" });
  await desk.rig.run(20);
  await moved;
  for (const [request, window] of [day, "day/2026-11-22T00:00:00Z"].entries()) {
    const answer = await desk.answer(sydney, request + 1, { plan: "max", window });
    assert.equal(answer?.result, "soft", window);
  }
});

test("a limit that turns strict is so from its next window on, and at once for keys made since", async () => {
  const rig = new HubRig();
  const soft = limits.map((limit) => ({ ...limit, isStrict: false }));
  await rig.start({ limits: soft });
  const desk = Object.assign(new Desk(), { rig });
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  desk.keyId = await desk.makeKey("pro");
  sydney.sealed.push(new OpenBatch().seal({ ...sydney, seq: 1, sealedAtMs: 1 }).bytes);
  sydney.sendBatch(1);
  await rig.run(5_000);
  rig.crash();
  await rig.start({ limits });
  await rig.reconnect(sydney, {});
  assert.equal((await desk.answer(sydney, 1))?.result, "soft");
  desk.keyId = await desk.makeKey("pro");
  assert.equal((await desk.answer(sydney, 2))?.result, "granted");
});

test("a hub that hears of a later one grants nothing in windows that may be leased of, until the operator says so", async () => {
  const { desk, sydney, london } = await Desk.open();
  await desk.answer(sydney, 1);
  const { epoch } = desk.rig.hub?.api.status().version ?? { epoch: 0 };
  london.disconnect();
  await desk.rig.reconnect(london, { view: { epoch: epoch + 5, position: 9 } });
  await desk.rig.run(100);
  assert.equal((await desk.answer(london, 1))?.result, "fenced");
  assert.ok(desk.rig.hub?.api.status().warnings.some((line) => line.includes("two hubs")));
  assert.ok(desk.rig.hub?.api.status().warnings.some((line) => line.includes("grant nothing")));
  const lifted = desk.rig.hub?.api.liftFence();
  await desk.rig.run(20);
  await lifted;
  assert.equal((await desk.answer(london, 2))?.result, "granted");
});

test("verify names a counter whose leases the ledger has otherwise than the stream", async () => {
  const { desk, sydney } = await Desk.open();
  await desk.answer(sydney, 1);
  await desk.rig.run(5_000);
  assert.deepEqual(await desk.verify(), []);
  const [[name, leases] = ["", undefined]] = desk.rig.ledger.leases;
  assert.ok(leases !== undefined);
  desk.rig.ledger.leases.set(name, { ...leases, book: "[0,0,[]]" });
  const [problem = ""] = await desk.verify();
  assert.match(problem, /leases of counter .* differ from the stream's: ledger/);
});

const soft = limits.map((limit) => ({ ...limit, isStrict: false }));
const nextDay = { window: "day/2026-11-22T00:00:00Z" };
const dayAfter = { window: "day/2026-11-23T00:00:00Z" };
const halfDayMs = 12 * 3_600_000;

test("a quota that is raised while the hub runs is there at once, and what was used of it stays used", async () => {
  const { desk, sydney } = await Desk.open();
  let request = 0;
  for (let used = 0; used < quota; ) {
    const { units = 0 } = (await desk.answer(sydney, ++request)) ?? {};
    await desk.close(sydney, request, units);
    used += units;
  }
  assert.equal((await desk.answer(sydney, ++request))?.result, "used-up");
  await desk.rig.reconfigure({ limits: limits.map((limit) => ({ ...limit, quota: 2 * quota })) });
  let more = 0;
  for (;;) {
    const answer = await desk.answer(sydney, ++request);
    if (answer?.result !== "granted") break;
    more += answer.units;
  }
  assert.equal(more, quota);
});

test("a quota lowered below what is out grants nothing more", async () => {
  const { desk, sydney } = await Desk.open();
  assert.equal((await desk.answer(sydney, 1))?.result, "granted");
  await desk.rig.reconfigure({ limits: limits.map((limit) => ({ ...limit, quota: 10 })) });
  assert.notEqual((await desk.answer(sydney, 2))?.result, "granted");
});

test("a limit turned strict by a reload is so in windows that begin after gateways may have asked ahead", async () => {
  const rig = new HubRig();
  await rig.start({ limits: soft });
  const desk = Object.assign(new Desk(), { rig });
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  desk.keyId = await desk.makeKey("pro");
  // 5 s before midnight: the next day may have been asked for already.
  rig.time.skip(halfDayMs - 5_000);
  await rig.reconfigure({ limits });
  assert.equal((await desk.answer(sydney, 1))?.result, "soft");
  assert.equal((await desk.answer(sydney, 2, nextDay))?.result, "soft");
  rig.time.skip(2 * halfDayMs);
  assert.equal((await desk.answer(sydney, 3, dayAfter))?.result, "granted");
});

test("a gateway that has not heard that a limit is strict no more goes on by the totals; a limit never known is refused", async () => {
  const { desk, sydney } = await Desk.open();
  await desk.rig.reconfigure({ limits: soft });
  assert.equal((await desk.answer(sydney, 1))?.result, "soft");
  assert.equal((await desk.answer(sydney, 2, { limit: "other" }))?.result, "refused");
  // Strict again: not all of this day was leased.
  await desk.rig.reconfigure({ limits });
  assert.equal((await desk.answer(sydney, 3))?.result, "soft");
  desk.rig.time.skip(halfDayMs + 20_000);
  assert.equal((await desk.answer(sydney, 4, nextDay))?.result, "granted");
});

test("what another limit counted under the name of a strict one was not leased", async () => {
  const { desk, sydney } = await Desk.open();
  const hourly = limits.map((limit) => ({ ...limit, window: "hour" }));
  await desk.rig.reconfigure({ limits: hourly });
  const window = "hour/2026-11-21T12:00:00Z";
  assert.equal((await desk.answer(sydney, 1, { window }))?.result, "soft");
});
