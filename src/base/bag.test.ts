import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Bag, type BagMember } from "./bag.ts";
import { seededRandom } from "./random.ts";

interface Named extends BagMember {
  readonly name: number;
}

const named = (name: number): Named => ({ name, bagIndex: -1 });

test("a bag holds what a set would, whatever comes and goes", () => {
  const random = seededRandom(7);
  const bag = new Bag<Named>();
  const model = new Set<Named>();
  const all = Array.from({ length: 40 }, (_, name) => named(name));
  for (let step = 0; step < 5_000; step++) {
    const member = all[random.below(all.length)] as Named;
    if (model.has(member) || random.below(4) === 0) {
      bag.delete(member);
      model.delete(member);
    } else {
      bag.add(member);
      model.add(member);
    }
    const seen: number[] = [];
    bag.each(({ name }) => seen.push(name));
    assert.deepEqual(seen.toSorted(), [...model].map(({ name }) => name).toSorted());
    assert.equal(bag.size, model.size);
  }
});

test("members that are taken out during a visit are not missed by it, and others not visited for it", () => {
  const bag = new Bag<Named>();
  for (let name = 0; name < 10; name++) bag.add(named(name));
  const seen = new Set<number>();
  bag.each((member) => {
    seen.add(member.name);
    bag.delete(member);
    bag.add(named(member.name + 100));
  });
  assert.deepEqual([...seen].toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(bag.size, 10);
});

test("nothing is in two bags", () => {
  const member = named(1);
  new Bag<Named>().add(member);
  assert.throws(() => new Bag<Named>().add(member));
});

function oldBytes(): number {
  const found = getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space");
  return found?.space_used_size ?? 0;
}

test("what has gone from a bag is not carried along among what is old", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const bag = new Bag<BagMember & { readonly payload: number[] }>();
  const inBag: (BagMember & { readonly payload: number[] })[] = [];
  const comeAndGo = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const member = { bagIndex: -1, payload: new Array<number>(64).fill(i) };
      bag.add(member);
      inBag.push(member);
      if (inBag.length > 4) bag.delete(inBag.shift() as BagMember & { readonly payload: number[] });
    }
  };
  comeAndGo(50_000);
  // All that is alive is old now: of a set, the table.
  collect();
  const before = oldBytes();
  comeAndGo(300_000);
  assert.ok(
    oldBytes() - before < 1_000_000,
    "a set would keep some megabytes until a full collection",
  );
});
