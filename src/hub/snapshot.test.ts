import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { ringUpdatesMax } from "./replicator.ts";
import { snapshotBufferedMax } from "./snapshot-sender.ts";
import { type Charge, FakeGateway } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const windows = ["month/2026-11-01T00:00:00Z", "day/2026-11-21T00:00:00Z"];

/** Charges to random counters; what they sum up to. */
class Traffic {
  readonly sums = new Map<string, number>();
  readonly #random;
  readonly #keys: number;

  constructor(seed: number, keys: number) {
    this.#random = seededRandom(seed);
    this.#keys = keys;
  }

  next(count: number): Charge[] {
    return Array.from({ length: count }, () => {
      const subject = `key:k_${this.#random.below(this.#keys)}`;
      const window = windows[this.#random.below(2)] as string;
      const units = 1 + this.#random.below(9);
      const key = `${window} ${subject}`;
      this.sums.set(key, (this.sums.get(key) ?? 0) + units);
      return { subject, window, units };
    });
  }

  check(gateway: FakeGateway): void {
    for (const [key, sum] of this.sums) {
      const [window = "", subject = ""] = key.split(" ");
      assert.equal(gateway.total(window, subject), sum, key);
    }
    const held = [...gateway.tables.values()].reduce((all, { count }) => all + count, 0);
    assert.equal(held, this.sums.size);
  }
}

test("a snapshot while updates flow is exactly the version that it names", async () => {
  const rig = new HubRig();
  await rig.start();
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  const traffic = new Traffic(5, 60_000);
  for (let i = 0; i < 30; i++) {
    sydney.charge(traffic.next(2_000));
    await rig.run(1);
  }
  for (let round = 0; round < 5; round++) {
    const london = new FakeGateway("london", round, `${round}`.repeat(32));
    london.isSlow = true;
    await rig.connect(london);
    let steps = 0;
    while (london.view.position === 0) {
      sydney.charge(traffic.next(50));
      await rig.run(15);
      london.bufferedBytes = 0;
      steps++;
    }
    assert.ok(steps >= 3, "updates came between parts");
    await rig.run(50);
    traffic.check(london);
    assert.deepEqual(london.watermarks, sydney.watermarks);
  }
});

test("a gateway that does not read gets no more than a bounded number of bytes", async () => {
  const rig = new HubRig();
  await rig.start();
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  const traffic = new Traffic(6, 60_000);
  for (let i = 0; i < 20; i++) {
    sydney.charge(traffic.next(2_000));
    await rig.run(1);
  }
  const london = new FakeGateway("london");
  london.bufferedBytes = snapshotBufferedMax + 1;
  await rig.connect(london);
  await rig.run(500);
  assert.equal(london.received.filter(({ kind }) => kind === "snapshot-part").length, 0);
  london.bufferedBytes = 2 ** 30;
  sydney.charge(traffic.next(10));
  await rig.run(50);
  assert.equal(london.received.filter(({ kind }) => kind === "update").length, 0);
  london.bufferedBytes = 0;
  await rig.run(1_000);
  traffic.check(london);
});

test("a gateway that was away for longer than updates are kept gets a snapshot", async () => {
  const rig = new HubRig();
  await rig.start();
  const sydney = new FakeGateway("sydney");
  const london = new FakeGateway("london");
  for (const gateway of [sydney, london]) await rig.connect(gateway);
  london.disconnect();
  await rig.run(1);
  const traffic = new Traffic(7, 10);
  for (let i = 0; i < ringUpdatesMax + 1; i++) {
    sydney.charge(traffic.next(1));
    await rig.run(11);
  }
  london.received.length = 0;
  await rig.connect(london);
  await rig.run(50);
  assert.ok(london.received.some(({ kind }) => kind === "snapshot-begin"));
  traffic.check(london);
});

test("a window that is dropped while a snapshot is sent is not in it", async () => {
  const rig = new HubRig();
  await rig.start();
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  sydney.charge([{ subject: "key:k_1", window: "minute/2026-11-21T11:30:00Z", units: 1 }]);
  await rig.run(20);
  assert.equal(sydney.total("minute/2026-11-21T11:30:00Z", "key:k_1"), 1);
  await rig.run(63_000);
  const london = new FakeGateway("london");
  await rig.connect(london);
  await rig.run(50);
  assert.equal(london.tables.size, 0);
  assert.equal(rig.ledger.totals.size, 0);
});
