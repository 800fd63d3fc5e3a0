import assert from "node:assert/strict";
import { test } from "node:test";
import { type HubMessage } from "../ports/link.ts";
import type { ProbeOutcome, ProbeResult } from "../status/probe.ts";
import type { PublicStatus } from "../status/public-status.ts";
import { StatusDesk, type StatusGateway, statusSettleMs } from "./status-desk.ts";
import { FakeTime, fakeRandom, settle } from "./testing/fake-time.ts";
import { emptyStatus, type MemoryStatus, memoryStatusStore } from "./testing/memory-status.ts";

const utf8 = new TextDecoder();
const names = ["sydney", "seoul", "tokyo"];

/** A gateway that beats, and tells what its test wants it to have found. */
class Gateway implements StatusGateway {
  readonly region: string;
  readonly process: number;
  readonly listen = "127.0.0.1:8081";
  takesStatus = true;
  isOpen = true;
  isBeating = true;
  heardMs = 0;
  bufferedBytes = 0;
  readonly plans: string[][] = [];
  readonly documents: PublicStatus[] = [];

  constructor(region: string, process = 0) {
    this.region = region;
    this.process = process;
  }

  send(message: HubMessage, payload?: Uint8Array): void {
    if (message.kind === "probe-plan") this.plans.push(message.targets.map(({ region }) => region));
    if (message.kind === "public-status") {
      this.documents.push(JSON.parse(utf8.decode(payload)) as PublicStatus);
    }
  }
}

class Rig {
  readonly time = new FakeTime();
  readonly kept: MemoryStatus;
  readonly gateways = new Map<string, Gateway>();
  failure: Error | undefined;
  /** What probes of a region find. */
  readonly outcomes = new Map<string, ProbeOutcome>();
  regions = names;
  desk!: StatusDesk;

  constructor(kept: MemoryStatus = emptyStatus()) {
    this.kept = kept;
  }

  static async start(kept?: MemoryStatus): Promise<Rig> {
    const rig = new Rig(kept);
    rig.desk = await StatusDesk.open({
      store: memoryStatusStore(rig.kept, { fails: () => rig.failure }),
      ...{ clock: rig.time, timers: rig.time, random: fakeRandom() },
      log: { info() {}, warn() {}, error() {} },
      timeMs: () => rig.time.wallMs(),
      name: () => "Example API",
      regions: () =>
        rig.regions.map((name) => {
          return { name, url: `https://${name}.example`, isTls: true, host: "0.0.0.0" };
        }),
    });
    rig.desk.start();
    return rig;
  }

  connect(name: string): Gateway {
    const gateway = new Gateway(name);
    gateway.heardMs = this.time.monotonicMs();
    this.gateways.set(name, gateway);
    this.desk.welcomed(gateway);
    return gateway;
  }

  connectAll(): void {
    for (const name of names) this.connect(name);
  }

  /** Each gateway beats and tells of a probe a second. */
  async run(seconds: number): Promise<void> {
    for (let i = 0; i < seconds * 4; i++) {
      await this.time.advance(250);
      for (const gateway of this.gateways.values()) {
        if (!gateway.isBeating) continue;
        gateway.heardMs = this.time.monotonicMs();
        if (i % 4 === 3) this.desk.probed(gateway, this.#found(gateway));
      }
    }
    await settle();
  }

  #found(gateway: Gateway): ProbeResult[] {
    return (gateway.plans.at(-1) ?? []).map((region) => {
      const outcome = this.outcomes.get(region) ?? "ok";
      const latencyMs = outcome === "ok" ? 40 : 0;
      return { region, atMs: this.time.wallMs() - 50, tookMs: 50, latencyMs, outcome };
    });
  }

  get shown(): PublicStatus {
    return this.desk.document().status;
  }

  states(): string {
    return this.shown.regions.map(({ name, state }) => `${name} ${state}`).join(", ");
  }

  /** Since the wall clock's start, s. */
  seconds(instant: string | null | undefined): number {
    return (Date.parse(instant ?? "") - this.time.wallOffsetMs) / 1_000;
  }
}

test("one process of each region is told whom to probe, and all get the document", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(2);
  assert.deepEqual(rig.gateways.get("sydney")?.plans.at(-1), ["seoul", "tokyo"]);
  assert.deepEqual(rig.gateways.get("tokyo")?.plans.at(-1), ["sydney", "seoul"]);
  assert.equal(rig.states(), "sydney up, seoul up, tokyo up");
  for (const { documents } of rig.gateways.values()) {
    assert.deepEqual(documents.at(-1), JSON.parse(rig.desk.document().text));
  }
});

test("gateways keep what they have until the hub knows of every region, or has waited", async () => {
  const alone = await Rig.start();
  alone.regions = ["sydney", "seoul"];
  const old = new Gateway("sydney");
  alone.gateways.set("sydney", old);
  alone.desk.welcomed(old);
  // It finds nothing of the other.
  old.plans.push([]);
  await alone.run(statusSettleMs / 1_000 - 1);
  assert.deepEqual([alone.states(), old.documents.length], ["sydney up, seoul unknown", 0]);
  await alone.run(4);
  assert.equal(old.documents.at(-1)?.regions[1]?.state, "down");
});

test("a second process asks only when the first is gone", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  const second = new Gateway("sydney", 1);
  rig.desk.welcomed(second);
  rig.gateways.set("sydney/1", second);
  await rig.run(1);
  assert.deepEqual(second.plans, [[]]);
  const first = rig.gateways.get("sydney") as Gateway;
  first.isOpen = first.isBeating = false;
  await rig.run(1);
  assert.deepEqual(second.plans.at(-1), ["seoul", "tokyo"]);
});

test("an earlier version's gateway is sent nothing, and is heard of all the same", async () => {
  const rig = await Rig.start();
  const old = new Gateway("sydney");
  old.takesStatus = false;
  rig.desk.welcomed(old);
  rig.gateways.set("sydney", old);
  await rig.run(1);
  assert.deepEqual([old.plans, old.documents], [[], []]);
  assert.equal(rig.states(), "sydney up, seoul unknown, tokyo unknown");
});

test("an outage opens an incident, and its end closes it, each at its time", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(20);
  const sydney = rig.gateways.get("sydney") as Gateway;
  sydney.isBeating = false;
  rig.outcomes.set("sydney", "slow");
  await rig.run(3);
  assert.equal(rig.states(), "sydney down, seoul up, tokyo up");
  const [open] = rig.shown.incidents;
  assert.deepEqual(
    [open?.impact, open?.title, open?.endedAt],
    ["down", "sydney does not answer", null],
  );
  assert.ok(Math.abs(rig.seconds(open?.startedAt) - 21) <= 1, open?.startedAt);
  assert.equal(rig.shown.state, "degraded");
  sydney.isBeating = true;
  rig.outcomes.clear();
  await rig.run(4);
  const [closed, ...others] = rig.shown.incidents;
  assert.ok(Math.abs(rig.seconds(closed?.endedAt) - 24) <= 1, closed?.endedAt ?? "");
  assert.deepEqual(others, []);
  assert.equal(closed?.updates[0]?.phase, "resolved");
});

test("a region that comes and goes has one incident", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(12);
  for (let i = 0; i < 5; i++) {
    rig.outcomes.set("sydney", "refused");
    await rig.run(4);
    rig.outcomes.clear();
    await rig.run(6);
  }
  assert.equal(rig.shown.incidents.length, 1);
  assert.equal(rig.shown.incidents[0]?.updates.length, 10);
});

test("a region cut off from the hub that answers at its door is degraded", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(2);
  (rig.gateways.get("sydney") as Gateway).isBeating = false;
  await rig.run(11);
  assert.equal(rig.states(), "sydney degraded, seoul up, tokyo up");
  assert.equal(rig.shown.incidents[0]?.title, "sydney is cut off from the other regions");
});

test("with nobody to ask, the hub's own link decides", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(2);
  for (const gateway of rig.gateways.values()) gateway.isBeating = false;
  await rig.run(4);
  assert.equal(rig.states(), "sydney down, seoul down, tokyo down");
  assert.equal(rig.shown.state, "down");
  assert.equal(rig.shown.incidents.length, 3);
});

test("a region that does not connect is down only when gateways have had time to", async () => {
  const rig = await Rig.start();
  rig.connect("sydney");
  await rig.run(statusSettleMs / 1_000 - 1);
  assert.equal(rig.states(), "sydney up, seoul up, tokyo up");
});

test("the hub's own pause is nobody's outage", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(20);
  rig.time.skip(30_000);
  await rig.run(3);
  assert.equal(rig.states(), "sydney up, seoul up, tokyo up");
  assert.deepEqual(rig.shown.incidents, []);
});

test("what the operator ended does not begin again until the region was well", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(12);
  rig.outcomes.set("sydney", "refused");
  await rig.run(4);
  const [incident] = rig.shown.incidents;
  await rig.desk.incidents.addUpdate(incident?.id ?? "", undefined, {
    ...{ phase: "resolved", text: "It is meant to be so." },
  });
  await rig.run(70);
  assert.equal(rig.shown.incidents.length, 1);
  assert.notEqual(rig.shown.incidents[0]?.endedAt, null);
  rig.outcomes.clear();
  await rig.run(70);
  rig.outcomes.set("sydney", "refused");
  await rig.run(4);
  assert.equal(rig.shown.incidents.length, 2);
});

test("hours and incidents outlive the hub, and an outage of an earlier start ends", async () => {
  const first = await Rig.start();
  first.connectAll();
  await first.run(12);
  first.outcomes.set("sydney", "refused");
  await first.run(5);
  await first.desk.stop();
  const second = await Rig.start(first.kept);
  const { regions, incidents } = second.shown;
  assert.ok((regions[0]?.availability as number) < 1);
  assert.equal(incidents[0]?.endedAt, null);
  second.connectAll();
  await second.run(4);
  assert.notEqual(second.shown.incidents[0]?.endedAt, null);
});

test("an outage is shown while nothing can be stored, and hours are saved later", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(2);
  rig.failure = new Error("the disk is full");
  rig.outcomes.set("sydney", "refused");
  await rig.run(12);
  assert.equal(rig.shown.incidents.length, 1);
  assert.equal(rig.kept.hours.size, 0);
  rig.failure = undefined;
  await rig.run(12);
  const hour = [...rig.kept.hours.values()].find(({ region }) => region === "sydney");
  assert.ok((hour?.failures ?? 0) > 20, `${hour?.failures} failures`);
});

test("results of another age, of itself, of unknown regions and repeated ones are not taken", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(1);
  const seoul = rig.gateways.get("seoul") as Gateway;
  const before = JSON.stringify(rig.shown.regions[0]);
  const nowMs = rig.time.wallMs();
  const bad = { region: "sydney", atMs: nowMs, tookMs: 1, latencyMs: 1, outcome: "slow" } as const;
  rig.desk.probed(seoul, [
    { ...bad, atMs: nowMs - 86_400_001 },
    { ...bad, atMs: nowMs + 5_001 },
    { ...bad, region: "seoul" },
    { ...bad, region: "__proto__" },
    { ...bad, atMs: nowMs - 1_000 },
  ]);
  await rig.time.advance(60_000);
  const after = rig.shown.regions[0];
  assert.equal(after?.availability, (JSON.parse(before) as typeof after)?.availability ?? 1);
});

test("a gateway that does not read is sent the newest document when it does", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(2);
  const tokyo = rig.gateways.get("tokyo") as Gateway;
  tokyo.bufferedBytes = 2 ** 24;
  const count = tokyo.documents.length;
  rig.outcomes.set("sydney", "refused");
  await rig.run(8);
  assert.equal(tokyo.documents.length, count);
  tokyo.bufferedBytes = 0;
  await rig.run(1);
  assert.deepEqual(tokyo.documents.at(-1)?.regions[0]?.state, "down");
});

test("a region that the configuration drops is gone from the page, and its outage is over", async () => {
  const rig = await Rig.start();
  rig.connectAll();
  await rig.run(12);
  rig.outcomes.set("sydney", "refused");
  await rig.run(4);
  rig.regions = ["seoul", "tokyo"];
  await rig.run(1);
  assert.equal(rig.states(), "seoul up, tokyo up");
  assert.notEqual(rig.shown.incidents[0]?.endedAt, null);
});
