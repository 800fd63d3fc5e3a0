/** The microservices example, run as its users do: services in copies, one killed, limits by the minute, every call counted once. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { StoryFacts } from "../scripts/woodytoys/story.ts";
import { freeBasePort } from "./support/cluster.ts";

const start = join(import.meta.dirname, "..", "scripts", "start.js");
const temporary = mkdtempSync(join(tmpdir(), "tallygate-test-"));

let facts: StoryFacts;
let story = "";
let exitCode: number | null;

before(async () => {
  const port = String(await freeBasePort());
  const child = spawn(
    process.execPath,
    [start, "demo:woodytoys", "--once", "--json", "--base-port", port],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: temporary } },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    story += chunk.toString();
  });
  [exitCode] = (await once(child, "close")) as [number | null];
  assert.notEqual(output, "", story);
  facts = JSON.parse(output) as StoryFacts;
});

after(() => rmSync(temporary, { recursive: true, force: true }));

test("it says that all came true, and leaves nothing behind", () => {
  assert.equal(exitCode, 0, story);
  assert.match(story, /All of it came true/);
  assert.deepEqual(readdirSync(temporary), []);
});

test("every copy of every service takes its share", () => {
  const services = Map.groupBy(Object.entries(facts.balance), ([copy]) => copy.split("-")[0]);
  assert.deepEqual([...services.keys()], ["users", "products", "orders"]);
  for (const [service, copies] of services) {
    const calls = copies.map(([, answered]) => answered);
    assert.ok(calls.length >= 2, service);
    assert.equal(
      calls.reduce((sum, each) => sum + each),
      20 * calls.length,
    );
    // Equal, unless a busy machine has had a copy fail its checks for a moment.
    assert.ok(Math.min(...calls) >= 10, `${service}: ${calls.join(", ")}`);
  }
});

test("no call fails when a copy is killed: the others take them, and it comes back", () => {
  const { copy, away, back, failed, retries } = facts.kill;
  assert.equal(failed, 0);
  assert.equal(away[copy], undefined);
  assert.equal(Object.keys(away).length, 2);
  assert.ok(retries >= 1 && retries <= 30, `${retries} calls found it gone`);
  assert.ok((back[copy] ?? 0) >= 1);
});

test("callers without a key, and a key, are limited by the minute", () => {
  const quotas = facts.limits.map(({ plan, quota }) => [plan, quota]);
  assert.deepEqual(quotas, [
    ["anonymous", 30],
    ["starter", 60],
  ]);
  for (const { plan, remaining, answered, retryAfterSeconds, signup } of facts.limits) {
    assert.equal(answered, remaining, plan);
    assert.ok(retryAfterSeconds >= 1 && retryAfterSeconds <= 60, `${retryAfterSeconds}`);
    assert.equal(signup, plan === "anonymous");
  }
});

test("every call is counted once, and refused ones never", () => {
  for (const { plan, answered, refused, failed, calls } of facts.counted) {
    assert.deepEqual({ plan, failed, calls }, { plan, failed: 0, calls: answered });
    assert.equal(refused > 0, plan !== "partner");
  }
});
