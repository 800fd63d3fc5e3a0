/**
 * The operator's dashboard in real Chromium against `tallygate dev`: log in, make a key, see its calls to the unit, see a
 * region that stops; every place quiet, accessible and as wide as its screen.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildPages } from "../scripts/web.ts";
import {
  assertWell,
  type OpenedPage,
  openPage,
  startBrowser,
  type View,
  views,
} from "./support/browser.ts";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import { runCalls } from "./support/load.ts";

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

const wide: View = { width: 1440, theme: "light" };

const routes = [
  '- { path: "/", handler: ./hello.mjs }',
  '- { path: "/weather/{city}", handler: ./hello.mjs }',
  '- { path: "/reports/{id}", handler: ./hello.mjs, cost: 10 }',
].join("\n  ");

function plansWith(proQuota: number): string {
  return [
    `pro: { limits: [{ name: month, per: key, quota: ${proQuota}, window: month }] }`,
    "free: { limits: [{ name: day, per: key, quota: 50, window: day }] }",
  ].join("\n  ");
}

let cluster: Cluster;
let origin = "";

before(async () => {
  if (skip !== false) return;
  await buildPages();
  cluster = await Cluster.start({
    config: threeRegions({ plans: plansWith(100_000), routes }),
    files: handlers,
    latency: "sydney=65ms,seoul=60ms",
  });
  origin = cluster.state.hub.url;
});

after(async () => {
  if (start.state === "ready") await start.browser.close();
  await cluster?.stop();
});

async function open(view: View): Promise<OpenedPage> {
  assert.ok(start.state === "ready");
  const opened = await openPage(start.browser, { view, origin });
  await opened.page.goto(`${origin}/`);
  return opened;
}

async function logIn(page: Page, token = cluster.state.token): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

async function openInside(view: View): Promise<OpenedPage> {
  const opened = await open(view);
  await logIn(opened.page);
  await opened.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  return opened;
}

async function show(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

function send(region: string, key: string, calls: number, path = "/") {
  const url = `${cluster.region(region).url}${path}`;
  return runCalls({ url, headers: { "x-api-key": key }, calls, connections: 4 });
}

test("a wrong token opens nothing and says so; the right one opens a session that no script can read", {
  skip,
}, async () => {
  const { page, close } = await open(wide);
  await logIn(page, "wrong");
  await page.getByText("This token is wrong or has expired.").waitFor();
  await logIn(page);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  assert.equal(await page.evaluate("document.cookie"), "");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.getByRole("button", { name: /^Log out/ }).click();
  await page.getByLabel("Admin token").waitFor();
  const [cookie] = await page.context().cookies();
  assert.equal(cookie, undefined, "the cookie is gone");
  await close();
});

test("a key made in the dashboard works everywhere, and its calls are on every view to the unit", {
  skip,
}, async () => {
  const { page, complaints, close } = await openInside(wide);
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page.getByRole("button", { name: "New key" }).click();
  const hostile = `<img src=x onerror="document.title='taken'"> & "co"`;
  await page.getByLabel("Name", { exact: true }).fill(hostile);
  await page.getByLabel("Owner", { exact: true }).fill("acme");
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = (await page.locator(".secret code").textContent()) ?? "";
  assert.match(key, /^ipd_live_/);
  cluster.issuedKeys.add(key);
  for (const name of regionNames) {
    await until(async () => (await cluster.usage(name, key)) !== undefined, 5_000, name);
    assert.deepEqual([...(await send(name, key, 7)).statuses], [[200, 7]]);
  }
  await page.getByRole("button", { name: "Close" }).click();

  await page.getByRole("link", { name: hostile }).click();
  await page.getByRole("heading", { level: 1, name: hostile }).waitFor();
  await page.getByText("21 units in 21 calls").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  const top = page.getByRole("list", { name: /^Highest by units/ }).getByRole("listitem");
  await top.filter({ hasText: hostile }).filter({ hasText: "21" }).waitFor();
  await show(page, "#/usage?by=region&window=total&span=day");
  const rows = page.getByRole("table", { name: "Usage" }).getByRole("row");
  for (const name of regionNames)
    await rows.filter({ hasText: name }).filter({ hasText: "7" }).waitFor();
  assert.equal(await page.title(), "Usage · Tallygate", "a key's name is only ever text");
  assert.deepEqual(complaints, []);
  await close();
});

test("what is used up is near its limit; refusals are counted; a key that is revoked is refused", {
  skip,
}, async () => {
  const { page, close } = await openInside(wide);
  const { id, key } = await cluster.createKnownKey("free", { name: "Nearly used up" });
  await send("seoul", key, 60);
  await page.getByText("50 of 50 · 100 %").waitFor();
  await page
    .getByRole("list", { name: "Refusals and errors by kind" })
    .getByText("Over a limit")
    .waitFor();
  await show(page, `#/keys/${id}`);
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("revoked").first().waitFor();
  await until(async () => (await send("sydney", key, 1)).statuses.get(401) === 1, 2_000, "refused");
  await close();
});

test("a region that stops is down on the map within five seconds, and up again within five", {
  skip,
}, async (t) => {
  const { page, close } = await openInside(wide);
  const { pid } = cluster.region("seoul");
  await page.getByRole("link", { name: /^seoul: up/ }).waitFor();
  process.kill(pid, "SIGSTOP");
  try {
    const stopped = performance.now();
    await page.getByRole("link", { name: /^seoul: down/ }).waitFor();
    const downMs = performance.now() - stopped;
    t.diagnostic(`down after ${Math.round(downMs)} ms`);
    assert.ok(downMs <= 5_000, `${downMs} ms`);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  const continued = performance.now();
  await page.getByRole("link", { name: /^seoul: up/ }).waitFor();
  const upMs = performance.now() - continued;
  t.diagnostic(`up after ${Math.round(upMs)} ms`);
  assert.ok(upMs <= 5_000, `${upMs} ms`);
  await close();
});

test("a read-only token sees, and is offered nothing to change", { skip }, async () => {
  const { json } = await cluster.api("POST", "/v1/tokens", { name: "viewer", role: "read-only" });
  const { token } = json as { token: string };
  const { page, complaints, close } = await open(wide);
  await logIn(page, token);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await show(page, "#/keys");
  const names = page.getByRole("table", { name: "Keys" }).getByRole("link");
  await names.first().click();
  await page.locator(".facts").waitFor();
  for (const name of ["New key", "Change", "Rotate", "Revoke"]) {
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  }
  assert.deepEqual(complaints, []);
  await close();
});

test("a hub that stands still is shown to be away, and live again when it goes on", {
  skip,
}, async () => {
  const { page, close } = await openInside(wide);
  await page.getByText("Live", { exact: true }).waitFor();
  const { pid } = cluster.state.hub;
  process.kill(pid, "SIGSTOP");
  try {
    await page.getByText("Reconnecting").waitFor();
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await page.getByText("Live", { exact: true }).waitFor();
  await close();
});

test("a session that is over leads back to the door, wherever one is", { skip }, async () => {
  const made = await cluster.api("POST", "/v1/tokens", { name: "short", role: "read-only" });
  const { id, token } = made.json as { id: string; token: string };
  const { page, close } = await open(wide);
  await logIn(page, token);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await show(page, "#/system");
  await page.locator(".facts").first().waitFor();
  const revoked = await fetch(`${origin}/v1/tokens/${id}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${cluster.state.token}` },
  });
  assert.ok(revoked.ok);
  await page.getByLabel("Admin token").waitFor();
  await close();
});

test("a changed plan is checked, applied everywhere, and taken back", { skip }, async () => {
  const { page, complaints, close } = await openInside(wide);
  await page.getByRole("link", { name: "Plans", exact: true }).click();
  await page.getByRole("link", { name: "Change the configuration" }).click();
  const text = page.getByLabel("Text of the configuration");
  const apply = async (quota: number): Promise<void> => {
    await text.fill(threeRegions({ plans: plansWith(quota), routes }));
    await page.getByRole("button", { name: "Apply" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Note").fill(`pro has ${quota}`);
    await dialog.getByRole("button", { name: "Apply" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  const isQuota = async (quota: number): Promise<boolean> => {
    const { json } = await cluster.api("GET", "/v1/plans/pro");
    return (json as { limits: { quota: number }[] }).limits[0]?.quota === quota;
  };
  await text.fill("version: 1\nplans: { pro: { limits: [{ name: x }] } }\n");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByRole("alert").getByText("Line 2").first().waitFor();

  await apply(200_000);
  await page.getByText("pro has 200000").waitFor();
  await until(() => isQuota(200_000), 2_000, "200,000 in force");
  await apply(300_000);
  await page.getByText("pro has 300000").waitFor();
  await page.getByRole("button", { name: "Go back to version 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Go back" }).click();
  await until(() => isQuota(200_000), 2_000, "200,000 in force again");
  await page.getByText("as version 1").waitFor();
  const { key } = await cluster.createKnownKey("pro");
  for (const name of regionNames) {
    await until(
      async () => (await cluster.usage(name, key))?.limits[0]?.quota === 200_000,
      5_000,
      `the quota in ${name}`,
    );
  }
  assert.deepEqual(complaints, []);
  await close();
});

test("by keyboard alone: past the bar to the content, and into and out of a dialog", {
  skip,
}, async () => {
  const { page, close } = await openInside(wide);
  await page.evaluate("document.activeElement.blur()");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("document.activeElement.id"), "main");
  await show(page, "#/keys");
  await page.getByRole("button", { name: "New key" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.evaluate("document.activeElement.closest('dialog') !== null"), true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await close();
});

/** Place → what is there once it has loaded. */
async function places(): Promise<Readonly<Record<string, string>>> {
  const { json } = await cluster.api("GET", "/v1/keys?limit=1");
  const [first] = (json as { keys: { id: string }[] }).keys;
  return {
    "": ".map",
    "#/usage": ".table",
    "#/outcomes": ".table",
    "#/keys": ".table",
    [`#/keys/${first?.id}`]: ".facts",
    "#/plans": ".table",
    "#/config": "textarea",
    "#/system": ".facts",
    "#/events": ".table",
    "#/regions/seoul": ".table",
  };
}

test("every place is quiet, accessible and as wide as its screen, in both themes", {
  skip,
}, async () => {
  for (const view of views) {
    const opened = await openInside(view);
    for (const [hash, sign] of Object.entries(await places())) {
      await show(opened.page, hash);
      await opened.page.locator(`main ${sign}`).first().waitFor();
      await assertWell(opened, `${hash} ${view.width} ${view.theme}`);
    }
    await opened.close();
  }
});
