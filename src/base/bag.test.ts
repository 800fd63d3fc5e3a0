import assert from "node:assert/strict";
import { test } from "node:test";
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
