/**
 * A configuration applied at the hub is in force at every gateway within a second, or, where it is wrong, the whole of the one
 * before; it outlives restarts, and files take over again when it is released.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ConfigVersionJson } from "../src/control/config-version-schemas.ts";
import { until } from "./support/cluster.ts";
import { regionNames, threeRegions } from "./support/configs.ts";
import { Fleet } from "./support/fleet.ts";

const tookMsMax = 1_000;

let fleet: Fleet;
let key: string;

before(async () => {
  fleet = await Fleet.start(plansOf(1_000), {
    // What only some machines have.
    environment: (name) => (name === "frankfurt" ? {} : { TG_TEST_PLACE: "here" }),
  });
  ({ key } = await fleet.createKnownKey("pro"));
});

after(() => fleet?.stop());

function plansOf(quota: number): string {
  return `pro: { limits: [{ name: month, per: key, quota: ${quota}, window: month }] }`;
}

function configOf(quota: number, more: { readonly top?: string } = {}): string {
  const base = Number(new URL(fleet.hubUrl).port);
  return threeRegions({ plans: plansOf(quota), base, ...more });
}

async function apply(text: string): Promise<ConfigVersionJson> {
  const { status, json } = await fleet.api("POST", "/v1/config/versions", { text });
  assert.equal(status, 201, JSON.stringify(json));
  return json as ConfigVersionJson;
}

async function post(path: string): Promise<ConfigVersionJson> {
  const { status, json } = await fleet.api("POST", path);
  assert.equal(status, 201, JSON.stringify(json));
  return json as ConfigVersionJson;
}

async function quotas(): Promise<(number | undefined)[]> {
  const all = regionNames.map(async (name) => (await fleet.usage(name, key))?.limits[0]?.quota);
  return Promise.all(all);
}

/** Resolves with the milliseconds until every region goes by `quota`. */
async function everywhere(quota: number): Promise<number> {
  const isThere = async () => (await quotas()).every((one) => one === quota);
  return until(isThere, 10_000, `quota ${quota} everywhere\n${fleet.output.slice(-20_000)}`);
}

async function processes(): Promise<Record<string, { config: string; configProblem: string }>> {
  const { json } = await fleet.api("GET", "/v1/regions");
  const { regions } = json as {
    regions: { name: string; processes: { config: string; configProblem: string }[] }[];
  };
  return Object.fromEntries(
    regions.map(({ name, processes: [first] }) => {
      assert.ok(first !== undefined);
      return [name, { config: first.config, configProblem: first.configProblem }];
    }),
  );
}

async function sayIt(id: string): Promise<void> {
  const isSaid = async () => Object.values(await processes()).every(({ config }) => config === id);
  await until(isSaid, 5_000, `all to say ${id}`);
}

test("an applied configuration is in force at every gateway within a second", async (t) => {
  const version = await apply(configOf(2_000));
  const tookMs = await everywhere(2_000);
  t.diagnostic(`figure: in force everywhere ${Math.round(tookMs)} ms after the answer`);
  assert.ok(tookMs < tookMsMax, `${tookMs} ms`);
  assert.equal(version.number, 1);
  await sayIt(version.id);
  // In force, it is not applied again.
  assert.equal((await apply(configOf(2_000))).number, 1);
});

test("what is wrong changes nothing anywhere, and says where", async () => {
  const text = configOf(3_000).replace("window: month", "window: 7h");
  const { status, json } = await fleet.api("POST", "/v1/config/versions", { text });
  assert.equal(status, 400);
  const { code, errors } = json as { code: string; errors: { where: string }[] };
  assert.equal(code, "config-invalid");
  assert.match(errors[0]?.where ?? "", /^line \d+, plans\.pro\.limits\[0\]\.window$/);
  assert.deepEqual(await quotas(), [2_000, 2_000, 2_000]);
});

test("a gateway for which it is wrong keeps the one that it has, and says why", async () => {
  const partly = configOf(4_000, { top: `signup: "https://\${TG_TEST_PLACE}.example/"` });
  const version = await apply(partly);
  const isTaken = async () => {
    const [sydney, seoul, frankfurt] = await quotas();
    return sydney === 4_000 && seoul === 4_000 && frankfurt === 2_000;
  };
  await until(isTaken, tookMsMax * 2, "two regions to take it");
  const isSaid = async () => {
    const { sydney, frankfurt } = await processes();
    return sydney?.config === version.id && frankfurt?.configProblem !== "";
  };
  await until(isSaid, 5_000, "what one took and one refused to be told");
  const said = await processes();
  assert.match(said["frankfurt"]?.configProblem ?? "", /signup/);
  const { json } = await fleet.api("GET", "/v1/status");
  const { warnings } = json as { warnings: string[] };
  assert.ok(warnings.some((warning) => /frankfurt\/0 did not take/.test(warning)));
});

test("an earlier version comes back as a new one, everywhere", async (t) => {
  const version = await post("/v1/config/versions/1/rollback");
  const tookMs = await everywhere(2_000);
  t.diagnostic(`figure: rolled back everywhere ${Math.round(tookMs)} ms after the answer`);
  assert.ok(tookMs < tookMsMax, `${tookMs} ms`);
  await sayIt(version.id);
  const { json } = await fleet.api("GET", "/v1/config/versions");
  const { versions } = json as { versions: { number: number; note: string; inForce: boolean }[] };
  assert.deepEqual(
    versions.map(({ number, note, inForce }) => [number, note, inForce]),
    [
      [3, "as version 1", true],
      [2, "", false],
      [1, "", false],
    ],
  );
});

test("it outlives restarts, of a gateway without the hub too, and its file is not looked at", async () => {
  const { id } = (await fleet.api("GET", "/v1/config/versions/3")).json as ConfigVersionJson;
  fleet.configure({ plans: plansOf(5) });
  await fleet.end("seoul", "SIGTERM");
  await fleet.end("hub", "SIGKILL");
  await fleet.startGateway("seoul");
  assert.equal((await fleet.usage("seoul", key))?.limits[0]?.quota, 2_000);
  await fleet.startHub();
  await sayIt(id);
  assert.deepEqual(await quotas(), [2_000, 2_000, 2_000]);
  const { json } = await fleet.api("GET", "/v1/plans/pro");
  assert.equal((json as { limits: { quota: number }[] }).limits[0]?.quota, 2_000);
});

test("a gateway that was away gets it when it comes back", async () => {
  await fleet.end("sydney", "SIGTERM");
  const version = await apply(configOf(6_000));
  await fleet.startGateway("sydney");
  await sayIt(version.id);
  assert.deepEqual(await quotas(), [6_000, 6_000, 6_000]);
});

test("released, each process goes by its own file again", async () => {
  const version = await post("/v1/config/release");
  assert.equal(version.format, "files");
  await everywhere(5);
  await sayIt(version.id);
  fleet.configure({ plans: plansOf(7) });
  await everywhere(7);
});
