import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "./config.ts";

/** Field, the shortest and longest value that its description names, and one just outside of each. */
const ranges = [
  ["journal.flushInterval", "1ms", "10s", "0ms", "10001ms"],
  ["journal.sizeMax", "1MiB", "1TiB", "1023KiB", "1025GiB"],
  ["journal.retention", "0s", "366d", undefined, "367d"],
  ["stream.checkpointInterval", "100ms", "1h", "99ms", "3601s"],
  ["stream.publishInterval", "1ms", "10s", "0ms", "10001ms"],
  ["stream.retention", "0s", "366d", undefined, "367d"],
  ["stream.sealInterval", "1s", "366d", "999ms", "367d"],
  ["upstreams.u.connectTimeout", "1ms", "1h", "0ms", "3601s"],
  ["upstreams.u.responseTimeout", "1ms", "1h", "0ms", "3601s"],
  ["routes.0.timeout", "1ms", "1h", "0ms", "3601s"],
  ["plans.p.limits.0.staleness", "100ms", "366d", "99ms", "367d"],
] as const;

function problemsWith(path: string, value: string): readonly string[] {
  const config = {
    version: 1,
    regions: { one: { listen: "127.0.0.1:1" } },
    plans: { p: { limits: [{ name: "l", per: "key", quota: 1, window: "day" }] } },
    upstreams: { u: { targets: ["http://127.0.0.1:2"] } },
    routes: [{ path: "/", handler: "./h.ts" }],
    journal: {},
    stream: {},
  };
  const steps = path.split(".");
  const field = steps.pop() as string;
  let group = config as unknown as Record<string, unknown>;
  for (const step of steps) group = group[step] as Record<string, unknown>;
  group[field] = value;
  const result = compileConfigValue(config, { file: "/c.yaml", fileExists: () => true });
  return "problems" in result ? result.problems.map(({ message }) => message) : [];
}

for (const [path, shortest, longest, under, over] of ranges) {
  test(`${path} takes ${shortest} to ${longest} and nothing beyond`, () => {
    assert.deepEqual(problemsWith(path, shortest), []);
    assert.deepEqual(problemsWith(path, longest), []);
    for (const outside of [under, over]) {
      if (outside !== undefined) assert.equal(problemsWith(path, outside).length, 1, outside);
    }
  });
}
