import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { TallygateError } from "../base/errors.ts";
import type { LogFields } from "../ports/log.ts";
import { type ConfigReload, reloadConfig } from "./config-reload.ts";
import { loadConfig } from "./load-config.ts";

let folder: string;
let file: string;
let reload: ConfigReload | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-reload-"));
  file = join(folder, "tallygate.yaml");
  writeFileSync(join(folder, "hello.ts"), "export default () => new Response('hello');\n");
  writeFileSync(file, text(10));
});
afterEach(async () => {
  await reload?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function text(quota: number | string, more = ""): string {
  return `version: 1
regions: { sydney: { listen: "127.0.0.1:8081" } }
plans: { free: { limits: [{ name: day, per: key, quota: ${quota}, window: day }] } }
routes: [{ path: "/", handler: ./hello.ts }]
${more}`;
}

async function running(take: () => Promise<void> = async () => {}) {
  const quotas: number[] = [];
  const logged: [string, LogFields | undefined][] = [];
  const note = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  const metrics = nodeMetrics();
  reload = reloadConfig({
    ...{ loaded: await loadConfig(file), role: { kind: "gateway", region: "sydney" }, delayMs: 0 },
    ...{ log: { info: note, warn: note, error: note }, metrics },
    async take(config) {
      await take();
      quotas.push(config.plans[0]?.limits[0]?.quota ?? 0);
    },
  });
  return { quotas, logged, metrics, reload };
}

async function until(holds: () => boolean): Promise<void> {
  for (let wait = 0; wait < 500 && !holds(); wait++) await sleep(10);
  assert.ok(holds(), "it did not happen");
}

test("a changed file is taken, written in place or renamed over the old one", async () => {
  const { quotas, metrics } = await running();
  await sleep(0);
  writeFileSync(file, text(20));
  await until(() => quotas.includes(20));
  writeFileSync(`${file}.new`, text(30));
  renameSync(`${file}.new`, file);
  await until(() => quotas.includes(30));
  assert.match(await metrics.expose(), /config_reloads_total\{result="taken"\} [2-9]/);
});

test("a wrong file is refused as a whole, with file, line and path, and the one in use stays", async () => {
  const { quotas, logged, metrics, reload } = await running();
  writeFileSync(file, text("-5", "signup: https://example.com/new\n"));
  await reload.now();
  assert.equal(quotas.length, 0);
  const problem = String(logged.find(([message]) => message.includes("refused"))?.[1]?.["problem"]);
  assert.match(problem, /tallygate\.yaml:3:\d+: plans\.free\.limits\[0\]\.quota/);
  assert.match(await metrics.expose(), /config_reloads_total\{result="refused"\} [1-9]/);
  rmSync(file);
  await reload.now();
  assert.equal(quotas.length, 0);
  writeFileSync(file, text(40));
  await reload.now();
  assert.ok(quotas.includes(40));
});

test("what cannot be put into use is refused, and the next change is compared with what is in use", async () => {
  let fails = true;
  const { quotas, reload, logged } = await running(async () => {
    if (fails) throw new TallygateError("config-invalid", "hello.ts: cannot be loaded");
  });
  writeFileSync(file, text(20, "durability: disk\n"));
  await reload.now();
  assert.equal(quotas.length, 0);
  assert.ok(logged.some(([, fields]) => fields?.["problem"] === "hello.ts: cannot be loaded"));
  fails = false;
  await reload.now();
  assert.ok(quotas.includes(20));
});

test("a part that waits for the next start is told, and counted until then", async () => {
  const { logged, reload, metrics } = await running();
  writeFileSync(file, text(10, "durability: disk\n"));
  await reload.now();
  assert.ok(logged.some(([, fields]) => fields?.["part"] === "durability"));
  assert.match(await metrics.expose(), /config_restart_pending 1/);
  writeFileSync(file, text(10));
  await reload.now();
  assert.match(await metrics.expose(), /config_restart_pending 0/);
});

test("a changed handler is taken though the configuration is the same", async () => {
  const { quotas } = await running();
  // The first look is over.
  await sleep(250);
  writeFileSync(join(folder, "hello.ts"), "export default () => new Response('other');\n");
  await until(() => quotas.length > 0);
});

test("what is asked for while one reload runs is one more", async () => {
  const { quotas, reload } = await running();
  await Promise.all([reload.now(), reload.now(), reload.now()]);
  assert.ok(quotas.length <= 2);
});
