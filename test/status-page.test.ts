/**
 * The public status with real processes: a region that stops answers nothing, and everybody can see it five seconds later, at the
 * hub and at the doors of the other regions; its return as well. Probes cost nobody anything. With the hub dead, doors go on.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildPages } from "../scripts/web.ts";
import type { PublicIncident, PublicStatus } from "../src/status/public-status.ts";
import { type OpenedPage, openPage, startBrowser, views } from "./support/browser.ts";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, threeRegions } from "./support/configs.ts";

/** Until pages must show a change (issue 5, row 3). */
const shownMsMax = 5_000;

type Served = PublicStatus & { readonly servedBy: string | null; readonly ageMs: number };

let cluster: Cluster;
const start = await startBrowser();
/** The public page and the operator's, in Chromium where there is one. */
const pages: OpenedPage[] = [];

before(async () => {
  await buildPages();
  cluster = await Cluster.start({ config: threeRegions(), files: handlers });
});

after(async () => {
  if (start.state === "ready") await start.browser.close();
  await cluster?.stop();
});

/** What each open page shows of the region: the words of the status page, and of the operator's map. */
async function seenOnPages(region: string, isDown: boolean): Promise<boolean> {
  const [publicPage, operatorPage] = pages.map(({ page }) => page);
  if (publicPage === undefined || operatorPage === undefined) return true;
  const mark = operatorPage.getByRole("link", {
    name: new RegExp(`^${region}: ${isDown ? "down" : "up"}`),
  });
  const [title, marks] = await Promise.all([publicPage.locator("h1").innerText(), mark.count()]);
  return marks === 1 && title === (isDown ? `${region} does not answer` : "All regions answer");
}

async function openPages(): Promise<void> {
  if (start.state !== "ready") return;
  const origin = cluster.state.hub.url;
  for (const path of ["/status", "/"]) {
    const opened = await openPage(start.browser, {
      view: views.at(-1) as (typeof views)[0],
      origin,
    });
    await opened.page.goto(`${origin}${path}`);
    pages.push(opened);
  }
  const operator = pages[1]?.page;
  await operator?.getByLabel("Admin token").fill(cluster.state.token);
  await operator?.getByRole("button", { name: "Log in" }).click();
  await operator?.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

async function statusAt(url: string): Promise<Served> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  assert.equal(response.status, 200);
  return (await response.json()) as Served;
}

const atHub = (): Promise<Served> => statusAt(`${cluster.state.hub.url}/status.json`);
const atDoor = (region: string): Promise<Served> =>
  statusAt(`${cluster.region(region).url}/-/status`);

function stateOf(status: Served, region: string): string {
  return status.regions.find(({ name }) => name === region)?.state ?? "";
}

/** What the operator's map shows. */
async function healthOf(region: string): Promise<string> {
  const { json } = await cluster.api("GET", `/v1/regions/${region}`);
  return (json as { health: string }).health;
}

function outagesOf(status: Served, region: string): PublicIncident[] {
  return status.incidents.filter(({ regions }) => regions.includes(region));
}

/** All places show it; ms that it took. */
function shown(region: string, wanted: { state: string; health: string }, doors: string[]) {
  return until(
    async () => {
      const seen = await Promise.all([atHub(), ...doors.map(atDoor)]);
      const isShown = seen.every((status) => stateOf(status, region) === wanted.state);
      if (!isShown || (await healthOf(region)) !== wanted.health) return false;
      return seenOnPages(region, wanted.state === "down");
    },
    shownMsMax,
    `${region} is shown to be ${wanted.state}`,
  );
}

test("regions probe one another, and every door serves what the hub knows", async () => {
  await until(
    async () => {
      const status = await atHub();
      return status.regions.every(({ state, p50Ms }) => state === "up" && p50Ms !== null);
    },
    90_000,
    "every region is up and measured",
  );
  const [hub, door] = [await atHub(), await atDoor("seoul")];
  assert.deepEqual([hub.servedBy, hub.ageMs, door.servedBy], [null, 0, "seoul"]);
  assert.deepEqual(
    door.regions.map(({ name }) => name),
    ["sydney", "seoul", "frankfurt"],
  );
  assert.ok(door.ageMs < 2_000, `${door.ageMs} ms old`);
  assert.deepEqual(outagesOf(hub, "sydney"), []);
});

test("a probe is neither charged nor counted", async () => {
  const report = await cluster.api("GET", "/v1/usage");
  assert.deepEqual((report.json as { rows: unknown[] }).rows, []);
});

test("the public status names no address, key or process", async () => {
  const text = JSON.stringify(await atHub());
  const { hub, regions } = cluster.state;
  const internal = [hub, ...Object.values(regions)].flatMap(({ url }) => [url, new URL(url).port]);
  for (const word of [...internal, "127.0.0.1", "localhost", "producer", cluster.state.token]) {
    assert.ok(!text.includes(word), `${word} stands in the public status`);
  }
});

test("a region that stops is shown within 5 s, its return within 5 s, and the incident has the times", async (t) => {
  await openPages();
  if (start.state !== "ready") t.diagnostic(`without Chromium: ${start.why}`);
  const { pid } = cluster.region("sydney");
  const doors = ["seoul", "frankfurt"];
  const stoppedMs = Date.now();
  process.kill(pid, "SIGSTOP");
  let continuedMs: number;
  try {
    const downMs = await shown("sydney", { state: "down", health: "down" }, doors);
    t.diagnostic(`shown down after ${Math.round(downMs)} ms`);
    const [incident, ...others] = outagesOf(await atHub(), "sydney");
    assert.deepEqual(others, []);
    assert.deepEqual([incident?.impact, incident?.endedAt], ["down", null]);
  } finally {
    continuedMs = Date.now();
    process.kill(pid, "SIGCONT");
  }
  const upMs = await shown("sydney", { state: "up", health: "up" }, [...doors, "sydney"]);
  t.diagnostic(`shown up after ${Math.round(upMs)} ms`);
  await until(
    async () => outagesOf(await atHub(), "sydney").every(({ endedAt }) => endedAt !== null),
    shownMsMax - upMs,
    "the incident is over",
  );
  const [incident] = outagesOf(await atHub(), "sydney");
  const begun = Date.parse(incident?.startedAt ?? "") - stoppedMs;
  const ended = Date.parse(incident?.endedAt ?? "") - continuedMs;
  t.diagnostic(`begins ${begun} ms after the stop, ends ${ended} ms after the return`);
  // A probe a second: what is asked next after the stop is the first that fails.
  assert.ok(begun > -500 && begun < 2_500, `begins ${begun} ms after the stop`);
  assert.ok(ended > -500 && ended < 3_000, `ends ${ended} ms after the return`);
  // What was stopped itself found nobody else down.
  const after = await atHub();
  assert.deepEqual([...outagesOf(after, "seoul"), ...outagesOf(after, "frankfurt")], []);
  const sydney = after.regions.find(({ name }) => name === "sydney");
  assert.ok((sydney?.availability ?? 1) < 1);
});

test("the operator writes, edits and ends an incident, and it is public as text", async () => {
  const title = "<script>alert(1)</script> & so on";
  const made = await cluster.api("POST", "/v1/incidents", {
    ...{ regions: ["seoul"], impact: "degraded", title, text: "We look into it." },
  });
  assert.equal(made.status, 201);
  const { id } = made.json as { id: string };
  const update = { phase: "resolved", text: "It is over." };
  assert.equal((await cluster.api("POST", `/v1/incidents/${id}/updates`, update)).status, 200);
  const told = (await atHub()).incidents.find((incident) => incident.id === id);
  assert.equal(told?.title, title);
  assert.notEqual(told?.endedAt, null);
  const feed = await fetch(`${cluster.state.hub.url}/status.atom`);
  const xml = await feed.text();
  assert.match(feed.headers.get("content-type") ?? "", /^application\/atom\+xml/);
  assert.ok(xml.includes("&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on"));
  assert.ok(!xml.includes("<script>"));
  const audit = await cluster.api("GET", `/v1/audit?target=${id}`);
  const actions = (audit.json as { entries: { action: string }[] }).entries.map((e) => e.action);
  assert.deepEqual(actions, ["updateIncident"]);
});

test("with the hub stopped every door goes on, and says how old what it knows is", async () => {
  const { pid } = cluster.state.hub;
  process.kill(pid, "SIGSTOP");
  try {
    await until(async () => (await atDoor("seoul")).ageMs > 1_500, 5_000, "the age grows");
    const status = await atDoor("seoul");
    assert.equal(status.regions.length, 3);
    assert.equal(status.incidents.length, 2);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await until(async () => (await atDoor("seoul")).ageMs < 1_000, 5_000, "the age is small again");
  // The hub's own pause is no outage of anybody.
  const { incidents } = await atHub();
  assert.equal(incidents.length, 2);
});

test("history and incidents outlive a restart of everything", async () => {
  const before = await atHub();
  await cluster.halt();
  await cluster.start();
  const door = await atDoor("frankfurt");
  assert.deepEqual(
    door.incidents.map(({ id }) => id),
    before.incidents.map(({ id }) => id),
  );
  const sydney = (await atHub()).regions.find(({ name }) => name === "sydney");
  assert.ok((sydney?.availability ?? 1) < 1);
  assert.notEqual(sydney?.p95Ms, null);
});
