import assert from "node:assert/strict";
import { test } from "node:test";
import { ending, FakeUpstreams } from "./testing/fake-network.ts";
import { addressesPerNameMax, resolveIntervalMs, waitingCallsMax } from "./upstream-group.ts";

/** The addresses that so many calls go to, each answered at once. */
function addresses(fake: FakeUpstreams, count: number): string[] {
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) {
    fake.call();
    seen.add(fake.last.address);
    fake.last.answer(200);
  }
  return [...seen].sort();
}

test("a name with several addresses counts as several targets; the name stays the request's host", async () => {
  const fake = new FakeUpstreams();
  fake.names.set("users.example.com", ["8.8.8.3", "8.8.8.1", "8.8.8.2", "8.8.8.1"]);
  fake.take({ u: { targets: ["http://users.example.com:81"] } });
  await fake.settle();
  assert.deepEqual(addresses(fake, 9), ["8.8.8.1", "8.8.8.2", "8.8.8.3"]);
  assert.equal(fake.last.origin, "http://users.example.com:81");
});

test("calls that come before the name is known wait for it", async () => {
  const fake = new FakeUpstreams();
  fake.names.set("users.example.com", ["8.8.8.8"]);
  fake.take({ u: { targets: ["http://users.example.com"] } });
  const client = fake.call();
  const left = fake.call();
  left.call.cancel();
  assert.equal(fake.tries.length, 0);
  await fake.settle();
  assert.equal(fake.tries.length, 1);
  fake.last.answer(200);
  assert.equal(client.status, 200);
});

test("a name that is not known leaves its calls unavailable, and is asked for again", async () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://users.example.com"] } });
  const client = fake.call();
  await fake.settle();
  assert.deepEqual(typeof client.end === "object" && client.end.kind, "unavailable");
  fake.names.set("users.example.com", ["8.8.8.8"]);
  fake.pass(resolveIntervalMs);
  await fake.settle();
  assert.deepEqual(addresses(fake, 2), ["8.8.8.8"]);
});

test("a changed answer is taken, a failed one is not, and what stays keeps its health", async () => {
  const fake = new FakeUpstreams();
  fake.names.set("users.example.com", ["8.8.8.1", "8.8.8.2"]);
  fake.take({
    u: {
      targets: ["http://users.example.com"],
      ejection: { failures: 1, time: "1m", timeMax: "1m" },
    },
  });
  await fake.settle();
  while (fake.tries.at(-1)?.address !== "8.8.8.1") fake.call();
  fake.last.fail("unreachable");
  fake.names.set("users.example.com", ["8.8.8.1", "8.8.8.3"]);
  fake.pass(resolveIntervalMs);
  await fake.settle();
  assert.deepEqual(fake.retired, ["8.8.8.2"]);
  assert.deepEqual(addresses(fake, 9), ["8.8.8.3"], "8.8.8.1 is still out");
  fake.names.delete("users.example.com");
  fake.pass(resolveIntervalMs);
  await fake.settle();
  assert.deepEqual(addresses(fake, 9), ["8.8.8.3"], "the last good answer");
});

test("an only address is not taken out by failures, however it is written; with a second one, or where the file says so, it is", async () => {
  const name = "users.example.com";
  /** Calls that reached an address, of 20 that all failed. */
  const reached = async (u: object, addresses: string[]): Promise<number> => {
    const fake = new FakeUpstreams();
    fake.names.set(name, addresses);
    fake.take({ u: { targets: [`http://${name}`], tries: 1, ...u } });
    await fake.settle();
    for (let i = 0; i < 20; i++) {
      if (fake.call().end === undefined) fake.last.fail("unreachable");
    }
    return fake.tries.length;
  };
  assert.equal(await reached({}, ["8.8.8.1"]), 20);
  assert.equal(await reached({ targets: ["http://10.0.0.1"] }, []), 20);
  assert.equal(await reached({ regions: { sydney: ["http://10.0.0.1"] } }, []), 20);
  assert.equal(await reached({}, ["8.8.8.1", "8.8.8.2"]), 6);
  assert.equal(await reached({ ejection: { failures: 2 } }, ["8.8.8.1"]), 2);
});

test("addresses that a name must not stand for are left out", async () => {
  const fake = new FakeUpstreams();
  fake.names.set("evil.example.com", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "8.8.8.8"]);
  const u = { targets: ["http://evil.example.com"] };
  fake.take({ u });
  await fake.settle();
  assert.deepEqual(addresses(fake, 5), ["8.8.8.8"]);
  fake.take({ u: { ...u, allowPrivate: true } });
  await fake.settle();
  assert.deepEqual(addresses(fake, 30), ["10.0.0.1", "127.0.0.1", "8.8.8.8"]);
  const tried = fake.tries.length;
  fake.names.set("evil.example.com", ["169.254.169.254"]);
  fake.pass(resolveIntervalMs);
  await fake.settle();
  assert.equal(ending(fake.call()), "unavailable not-attempted", "no other address, no call");
  assert.equal(fake.tries.length, tried);
});

test("no more addresses of a name are used than the bound", async () => {
  const fake = new FakeUpstreams();
  const all = Array.from({ length: addressesPerNameMax + 1 }, (_, i) => `8.8.4.${100 + i}`);
  fake.names.set("many.example.com", all);
  fake.take({ u: { targets: ["http://many.example.com"] } });
  await fake.settle();
  assert.equal(addresses(fake, 100).length, addressesPerNameMax);
});

test("a region has its own targets, and falls back to another's, or to another upstream", () => {
  const u = {
    targets: ["http://10.0.0.1"],
    regions: { seoul: ["http://10.1.0.1", "http://10.1.0.2"] },
    fallback: { region: "seoul" },
    ejection: { failures: 1 },
  };
  const sydney = new FakeUpstreams("sydney");
  sydney.take({ u });
  const client = sydney.call();
  assert.equal(sydney.last.address, "10.0.0.1");
  sydney.last.fail("unreachable");
  assert.match(sydney.last.address, /^10\.1\./);
  sydney.last.answer(200);
  assert.equal(client.status, 200);
  sydney.call();
  assert.match(sydney.last.address, /^10\.1\./, "the first target is out");
  assert.equal(sydney.counts.get("tallygate_upstream_fallbacks_total{u}"), 2);

  const seoul = new FakeUpstreams("seoul");
  seoul.take({ u });
  seoul.call();
  seoul.last.fail("unreachable");
  assert.match(seoul.last.address, /^10\.1\./, "its own targets");
  seoul.last.fail("unreachable");
  assert.equal(seoul.tries.length, 2, "a region does not fall back to itself");

  const other = new FakeUpstreams();
  const eu = { targets: ["http://10.2.0.1"] };
  other.take({ u: { ...u, fallback: "eu" }, eu });
  other.call();
  other.last.fail("unreachable");
  assert.equal(other.last.address, "10.2.0.1");
});

test("the last try is the fallback's", () => {
  const fake = new FakeUpstreams();
  const targets = ["http://10.0.0.1", "http://10.0.0.2", "http://10.0.0.3"];
  fake.take({ u: { targets, fallback: "eu" }, eu: { targets: ["http://10.2.0.1"] } });
  fake.call();
  fake.last.fail("unreachable");
  fake.last.fail("unreachable");
  assert.equal(fake.last.address, "10.2.0.1");
});

test("a configuration that changes nothing about an upstream keeps its connections and health", () => {
  const fake = new FakeUpstreams();
  const u = { targets: ["http://10.0.0.1", "http://10.0.0.2"], ejection: { failures: 1 } };
  fake.take({ u });
  fake.call();
  const bad = fake.last.address;
  fake.last.fail("unreachable");
  fake.last.answer(200);
  fake.take({ u, v: { targets: ["http://10.3.0.1"] } });
  assert.deepEqual(fake.retired, []);
  assert.ok(!addresses(fake, 10).includes(bad));
  fake.take({ u: { ...u, connectionsMax: 3 } });
  assert.deepEqual(fake.retired.toSorted(), ["10.0.0.1", "10.0.0.2", "10.3.0.1"]);
});

test("calls in progress finish when their upstream is gone, tried again if need be; then its connections are let go of", () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://10.0.0.1", "http://10.0.0.2"] } });
  const client = fake.call();
  fake.take({ v: { targets: ["http://10.0.0.1"] } });
  fake.last.fail("unreachable");
  assert.deepEqual(fake.retired, []);
  fake.last.answer(200);
  assert.equal(client.end, "completed");
  assert.deepEqual(fake.retired.toSorted(), ["10.0.0.1", "10.0.0.2"]);
});

test("a call that is sent late goes where it went when it began, fallback included, whatever was configured meanwhile", () => {
  const fake = new FakeUpstreams();
  const eu = { targets: ["http://10.2.0.1"] };
  fake.take({ u: { targets: ["http://10.0.0.1"], fallback: "eu" }, eu });
  const reserved = fake.reserve();
  fake.take({ v: { targets: ["http://10.0.0.9"] } });
  assert.deepEqual(fake.retired, []);
  const late = fake.call({}, reserved);
  assert.equal(fake.last.address, "10.0.0.1");
  fake.last.fail("unreachable");
  assert.equal(fake.last.address, "10.2.0.1");
  fake.last.answer(200);
  assert.equal(late.end, "completed");
  assert.deepEqual(fake.retired.toSorted(), ["10.0.0.1", "10.2.0.1"]);
});

test("a call that is never sent keeps nothing of an upstream that is gone", () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://10.0.0.1"] } });
  const [first, second] = [fake.reserve(), fake.reserve()];
  fake.take({ v: { targets: ["http://10.0.0.2"] } });
  first.release();
  first.release();
  assert.deepEqual(fake.retired, []);
  second.release();
  assert.deepEqual(fake.retired, ["10.0.0.1"]);
});

test("a call that waits for a name is answered though its upstream is replaced meanwhile", async () => {
  const fake = new FakeUpstreams();
  fake.names.set("users.example.com", ["8.8.8.8"]);
  const u = { targets: ["http://users.example.com"] };
  fake.take({ u });
  const client = fake.call();
  fake.take({ u: { ...u, connectionsMax: 3 } });
  await fake.settle();
  fake.last.answer(200);
  assert.equal(client.end, "completed");
  assert.deepEqual(fake.retired, ["8.8.8.8"]);
});

test("a call to the fallback outlives the configuration that named it", () => {
  const fake = new FakeUpstreams();
  const eu = { targets: ["http://10.2.0.1"] };
  fake.take({ u: { targets: ["http://10.0.0.1"], fallback: "eu" }, eu });
  const client = fake.call();
  fake.take({ u: { targets: ["http://10.0.0.1"] } });
  fake.last.fail("unreachable");
  assert.equal(fake.last.address, "10.2.0.1");
  fake.last.answer(200);
  assert.equal(client.end, "completed");
});

test("more calls than a target's connections and queue hold are refused at once", () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://10.0.0.1"], connectionsMax: 2 } });
  for (let i = 0; i < waitingCallsMax + 2; i++) assert.equal(fake.call().end, undefined);
  const client = fake.call();
  assert.equal(typeof client.end === "object" && client.end.kind, "overloaded");
});

const check = { path: "/healthz", interval: "1s", timeout: "200ms", failures: 2 };
const isCheck = (path: string) => path === "/healthz";

test("checks take a target out and bring it back; busy connections do not matter to them", () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://10.0.0.1", "http://10.0.0.2"], check } });
  const round = (status: (address: string) => number): void => {
    const from = fake.tries.length;
    fake.pass(1_000);
    for (const made of fake.tries.slice(from)) {
      assert.ok(isCheck(made.request.target));
      const code = status(made.address);
      if (code > 0) made.answer(code);
    }
  };
  fake.pass(1);
  for (const made of fake.tries) made.answer(204);
  round((address) => (address === "10.0.0.1" ? 500 : 200));
  assert.equal(addresses(fake, 4).length, 2, "one failed check is not enough");
  round((address) => (address === "10.0.0.1" ? 301 : 200));
  assert.deepEqual(addresses(fake, 4), ["10.0.0.2"]);
  round(() => 200);
  assert.deepEqual(addresses(fake, 20), ["10.0.0.1", "10.0.0.2"]);
});

test("a check that hangs has failed, and the next is made all the same", () => {
  const fake = new FakeUpstreams();
  fake.take({ u: { targets: ["http://10.0.0.1"], check } });
  fake.pass(3_000);
  assert.ok(fake.tries.length >= 3);
  assert.ok(fake.tries.slice(0, -1).every(({ isCancelled }) => isCancelled));
  const client = fake.call();
  assert.equal(typeof client.end === "object" && client.end.kind, "unavailable");
  assert.equal(typeof client.end === "object" && client.end.waitMs, 1_000, "the next check");
});
