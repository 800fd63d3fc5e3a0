import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProbedRegion, type ProbeGateway, probersOf, targetsOf } from "./probe-plan.ts";

function region(name: string, change: Partial<ProbedRegion> = {}): ProbedRegion {
  return { name, url: "", isTls: false, host: "127.0.0.1", ...change };
}

function gateway(name: string, change: Partial<ProbeGateway> = {}): ProbeGateway {
  return { region: name, process: 0, listen: "127.0.0.1:8081", isHeard: true, ...change };
}

test("of a region's processes the first that is heard asks; one that is only slow keeps the task", () => {
  const all = [
    gateway("sydney", { isHeard: false }),
    gateway("sydney", { process: 2 }),
    gateway("sydney", { process: 1 }),
    gateway("seoul", { isHeard: false }),
  ];
  const probers = probersOf(all);
  assert.deepEqual([...probers.values()], [all[2], all[3]]);
});

test("a region asks those that follow it in the file, sixteen at most, and never itself", () => {
  const regions = Array.from({ length: 20 }, (_, i) => region(`r${i}`, { url: `https://r${i}` }));
  const names = targetsOf("r10", regions, []).map((target) => target.region);
  assert.deepEqual(names.slice(0, 2), ["r11", "r12"]);
  assert.deepEqual([names.length, names.at(-1)], [16, "r6"]);
  assert.deepEqual(targetsOf("r0", regions.slice(0, 1), []), []);
});

/** Where a gateway says that it listens, the region in the configuration, and where it is asked. */
const places: readonly [string, Partial<ProbedRegion>, string][] = [
  ["127.0.0.1:8081", {}, "http://127.0.0.1:8081"],
  ["[::1]:8081", { host: "::1" }, "http://[::1]:8081"],
  ["127.0.0.1:8081", { isTls: true }, "https://127.0.0.1:8081"],
  ["192.0.2.7:443", { host: "192.0.2.7", isTls: true }, "https://192.0.2.7:443"],
  ["0.0.0.0:443", { url: "https://sydney.example.com" }, "https://sydney.example.com"],
  ["0.0.0.0:443", { host: "0.0.0.0" }, ""],
  ["[::]:443", { host: "::" }, ""],
  // Made up: somebody else's machine, a name, a path.
  ["192.0.2.66:22", {}, ""],
  ["169.254.169.254:80", { host: "0.0.0.0" }, ""],
  ["metadata.internal:80", {}, ""],
  ["127.0.0.1:8081/x", {}, ""],
  ["", {}, ""],
];
for (const [listen, change, url] of places) {
  const of = JSON.stringify(change);
  test(`a gateway that says "${listen}" of a region ${of} is asked at "${url}"`, () => {
    const regions = [region("seoul"), region("sydney", change)];
    const targets = targetsOf("seoul", regions, [gateway("sydney", { listen })]);
    assert.deepEqual(targets, url === "" ? [] : [{ region: "sydney", url }]);
  });
}
