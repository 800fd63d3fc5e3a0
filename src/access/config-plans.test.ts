/** Rules between limits: what leases of a counter need. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "./config.ts";

function problemsOf(plans: Readonly<Record<string, readonly object[]>>): readonly string[] {
  const compiled = compileConfigValue(
    {
      version: 1,
      regions: { sydney: { listen: "127.0.0.1:1", operations: "127.0.0.1:2" } },
      hub: { listen: "127.0.0.1:3" },
      keys: { prefix: "tst", from: ["header:x-api-key"] },
      plans: Object.fromEntries(Object.entries(plans).map(([name, limits]) => [name, { limits }])),
      routes: [{ path: "/", handler: "./handler.ts" }],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  return "problems" in compiled ? compiled.problems.map(({ message }) => message) : [];
}

const strict = { enforcement: "strict", window: "day", quota: 10 };

test("a counter has one strict quota", () => {
  const month = { ...strict, name: "b", per: "key", window: "month" };
  assert.deepEqual(problemsOf({ pro: [{ ...strict, name: "a", per: "key" }, month] }), []);
  const twice = ["a", "b"].map((name) => ({ ...strict, name, per: "key" }));
  const [problem = "", ...rest] = problemsOf({ pro: twice });
  assert.match(problem, /one strict limit on what "a" counts already/);
  assert.deepEqual(rest, []);
});

test("a strict quota of an owner is the same in all plans that limit the owner so", () => {
  const owner = { ...strict, name: "o", per: "owner" };
  const soft = { ...owner, enforcement: "soft" };
  assert.deepEqual(problemsOf({ pro: [owner], max: [{ ...owner, name: "all" }] }), []);
  assert.deepEqual(problemsOf({ pro: [owner], max: [{ ...soft, window: "month" }] }), []);
  assert.deepEqual(problemsOf({ pro: [{ ...strict, name: "k", per: "key" }], max: [soft] }), []);
  for (const wrong of [soft, { ...owner, enforcement: "shadow" }, { ...owner, quota: 20 }]) {
    const [problem = ""] = problemsOf({ pro: [owner], max: [wrong] });
    assert.match(problem, /strict and quota: 10 for "o", as in plan "pro"/);
  }
});
