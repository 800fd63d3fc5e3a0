/** Several processes on one port: each is a producer, their counts are one, and none's journal is left behind. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Cluster, until } from "./support/cluster.ts";
import { handlers } from "./support/configs.ts";
import { runCalls } from "./support/load.ts";

function config(processes: number): string {
  return `version: 1
hub: { listen: 127.0.0.1:8080 }
regions:
  sydney: { listen: 127.0.0.1:8081, operations: 127.0.0.1:8181, processes: ${processes} }
plans:
  pro: { limits: [{ name: month, per: key, quota: 1000000, window: month }] }
routes:
  - { path: "/", handler: ./hello.mjs }
`;
}

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start({ config: config(2), files: handlers });
});

after(() => cluster.stop());

function send(key: string, calls: number) {
  const { url } = cluster.region("sydney");
  return runCalls({ url, headers: { "x-api-key": key }, calls, connections: 16 });
}

test("two processes on one port count together, and a removed one's journal is adopted", async () => {
  const { key } = await cluster.createKnownKey("pro");
  const { statuses } = await send(key, 3_000);
  assert.deepEqual([...statuses], [[200, 3_000]]);
  const { json } = await cluster.api("GET", "/v1/regions");
  const { regions } = json as { regions: { processes: { watermarks: { seq: number }[] }[] }[] };
  const watermarks = regions[0]?.processes.map(({ watermarks: [first] }) => first?.seq ?? 0) ?? [];
  assert.equal(watermarks.length, 2);
  assert.ok(
    watermarks.every((seq) => seq > 0),
    `both processes answered calls: ${watermarks.join(", ")}`,
  );

  // Killed with charges on the way, and only one process comes back.
  await send(key, 2_000);
  await cluster.killAll();
  writeFileSync(cluster.config, config(1));
  await cluster.start();
  const isWhole = async () => (await cluster.usage("sydney", key))?.limits[0]?.used === 5_000;
  await until(isWhole, 5_000, "all 5,000 calls are counted");
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout);
});
