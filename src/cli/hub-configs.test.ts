import assert from "node:assert/strict";
import { test } from "node:test";
import { TallygateError } from "../base/errors.ts";
import type { Hub } from "../hub/hub.ts";
import { MemoryRegistry } from "../hub/testing/memory-registry.ts";
import type { ConfigReload } from "./config-reload.ts";
import { hubConfigs } from "./hub-configs.ts";
import type { ConfigText } from "./load-config.ts";

const audit = { atMs: 1, actor: "admin", action: "applyConfig", request: "r", change: "{}" };

function rig() {
  const registry = new MemoryRegistry();
  const did: string[] = [];
  const reload: ConfigReload = {
    now: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    use: (text: ConfigText | undefined) => {
      did.push(`use ${text?.text ?? "file"}`);
      const message = "wrong";
      const fault = { line: 1, column: 1, path: "", found: "", expected: "", message };
      return Promise.resolve(text?.text === "wrong" ? [fault] : []);
    },
  };
  const hub = {
    announceConfig: ({ id }) => void did.push(`announce ${id.split("-")[0]}`),
  } as Hub;
  const store = {
    ...registry.configs,
    add: (...given: Parameters<typeof registry.configs.add>) => {
      did.push("store");
      return registry.configs.add(...given);
    },
  };
  return { registry, did, store, configs: hubConfigs(store, () => ({ hub, reload })) };
}

const request = (text: string) => ({ format: "yaml", text, note: "", over: undefined }) as const;

test("the hub takes it, then it is stored, then gateways are told", async () => {
  const { did, configs } = rig();
  await configs.apply(request("a"), audit);
  assert.deepEqual(did, ["use a", "store", "announce 1"]);
});

test("what is wrong is neither stored nor told, and what is in force is not applied again", async () => {
  const { did, configs } = rig();
  assert.ok("problems" in (await configs.apply(request("wrong"), audit)));
  assert.deepEqual(did.splice(0), ["use wrong"]);
  await configs.apply(request("a"), audit);
  did.splice(0);
  const again = await configs.apply(request("a"), audit);
  assert.deepEqual("config" in again && again.config.number, 1);
  assert.deepEqual(did, []);
});

test("what cannot be stored is not in force: the hub goes back", async () => {
  const { did, configs, store } = rig();
  await configs.apply(request("a"), audit);
  did.splice(0);
  const { add } = store;
  store.add = () => Promise.reject(new TallygateError("registry-failed", "the disk is full"));
  await assert.rejects(configs.apply(request("b"), audit), { code: "registry-failed" });
  assert.deepEqual(did.splice(0), ["use b", "use a"]);
  store.add = add;
  await configs.apply(request("b"), audit);
  assert.deepEqual(did, ["use b", "store", "announce 2"]);
});

test("of two applied at once over the same version one is refused", async () => {
  const { configs } = rig();
  const both = ["a", "b"].map((text) => configs.apply({ ...request(text), over: "0" }, audit));
  const results = await Promise.allSettled(both);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
});

test("while the hub starts nothing is applied", async () => {
  const configs = hubConfigs(new MemoryRegistry().configs, () => undefined);
  await assert.rejects(configs.apply(request("a"), audit), { code: "ledger-failed" });
});
