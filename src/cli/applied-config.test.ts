import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { threeRegions } from "../../test/support/configs.ts";
import { TallygateError } from "../base/errors.ts";
import type { ConfigOffer } from "../gateway/config-offer.ts";
import { OfferedConfigs, readOffer, startConfig } from "./applied-config.ts";
import { type ConfigText, loadConfig } from "./load-config.ts";

const log = { info: () => {}, warn: () => {}, error: () => {} };
const fileState = { inUse: "", refused: "", problem: "" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-applied-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function offer(number: number, text: string, format: ConfigOffer["format"] = "yaml"): ConfigOffer {
  return { id: `${number}-aaaa`, format, text };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await undefined;
}

test("offers that come before anything can be taken wait, and only the newest is taken", async () => {
  const configs = new OfferedConfigs({ state: fileState, folder, log });
  configs.offered(offer(1, "a"));
  configs.offered(offer(2, "b"));
  const used: (string | undefined)[] = [];
  configs.begin(async (text) => {
    used.push(text?.text);
    return [];
  });
  await settled();
  assert.deepEqual(used, ["b"]);
  assert.equal(configs.state().inUse, "2-aaaa");
  assert.deepEqual(readOffer(folder), offer(2, "b"));
  configs.offered(offer(2, "b"));
  await settled();
  assert.equal(used.length, 1);
});

test("a refused offer changes nothing but what is said, without what was found", async () => {
  const configs = new OfferedConfigs({ state: fileState, folder, log });
  const fault = {
    ...{ line: 3, column: 1, path: "plans.pro", found: '"hunter2"', expected: "a plan" },
    message: "hunter2",
  };
  configs.begin((text) => Promise.resolve(text?.text === "wrong" ? [fault] : []));
  configs.offered(offer(1, "right"));
  await settled();
  configs.offered(offer(2, "wrong"));
  await settled();
  assert.deepEqual(configs.state(), {
    ...{ inUse: "1-aaaa", refused: "2-aaaa" },
    problem: "line 3, plans.pro: expected a plan",
  });
  assert.deepEqual(readOffer(folder), offer(1, "right"));
  configs.offered(offer(3, "", "files"));
  await settled();
  assert.deepEqual(configs.state(), { inUse: "3-aaaa", refused: "", problem: "" });
  assert.equal(readOffer(folder)?.format, "files");
});

test("one that fails is no offer taken, and the next one is", async () => {
  const configs = new OfferedConfigs({ state: fileState, folder, log });
  let fails = true;
  configs.begin(() => {
    if (fails) return Promise.reject(new TallygateError("config-invalid", "broken"));
    return Promise.resolve([]);
  });
  configs.offered(offer(1, "a"));
  await settled();
  assert.deepEqual(configs.state(), fileState);
  fails = false;
  configs.offered(offer(2, "b"));
  await settled();
  assert.equal(configs.state().inUse, "2-aaaa");
});

test("a start takes the saved one where it is right here, else the file", async () => {
  const file = join(folder, "tallygate.yaml");
  writeFileSync(file, threeRegions());
  writeFileSync(join(folder, "hello.mjs"), "export default () => new Response();\n");
  const loaded = await loadConfig(file);
  assert.deepEqual(startConfig(loaded, undefined).state, fileState);
  const other = threeRegions({ top: 'signup: "https://example.com/"' });
  const started = startConfig(loaded, offer(4, other));
  assert.equal(started.config.signup, "https://example.com/");
  assert.deepEqual(started.text, { format: "yaml", text: other } satisfies ConfigText);
  const broken = startConfig(loaded, offer(5, "version: 2"));
  assert.equal(broken.config, loaded.config);
  assert.equal(broken.state.refused, "5-aaaa");
  assert.match(broken.state.problem, /expected/);
  assert.equal(startConfig(loaded, offer(6, "", "files")).state.inUse, "6-aaaa");
});

test("a damaged copy is none", () => {
  writeFileSync(join(folder, "applied-config.json"), '{"id":"1-a","format":"yaml","text":"x"}');
  assert.equal(readOffer(folder), undefined);
});
