/** The status page in real Chromium: how it looks, that it follows within five seconds, and what it says when nobody answers. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import type { Browser } from "playwright-core";
import { root } from "../scripts/checks.ts";
import { buildPages } from "../scripts/web.ts";
import { readWebFolder } from "../src/adapters/node/web-folder.ts";
import { createControl } from "../src/control/control.ts";
import { createFakeHub } from "../src/control/testing/fake-hub.ts";
import type { PublicStatus } from "../src/status/public-status.ts";
import { assertWell, openPage, startBrowser, type View, views } from "./support/browser.ts";
import { sampleStatus } from "./support/status-sample.ts";

/** Issue 5, row 3. */
const shownMsMax = 5_000;

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

let shown: PublicStatus = sampleStatus(Date.now());
let edition = 1;

/** Another status from now on. */
function show(change: Partial<PublicStatus>): void {
  edition++;
  shown = { ...shown, ...change, generatedAt: new Date(Date.now() + edition).toISOString() };
}

await buildPages();
const { context } = createFakeHub();
const status = {
  ...{ feedId: context.status.feedId, incidents: context.status.incidents },
  document: () => ({ status: shown, text: JSON.stringify(shown), edition: String(edition) }),
};
const web = readWebFolder(join(root, "dist-web"));
const answer = getRequestListener(createControl({ ...context, web, status }).fetch);
let isAway = false;
const server = createServer((request, response) => {
  if (isAway) request.socket.destroy();
  else void answer(request, response);
});
let origin = "";

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.close();
  server.closeAllConnections();
  if (start.state === "ready") await start.browser.close();
});

/** Where `TALLYGATE_SCREENSHOTS` names a folder, the page as `docs/images` has it goes there. */
async function keepPicture(browser: Browser, view: View): Promise<void> {
  const folder = process.env["TALLYGATE_SCREENSHOTS"];
  if (folder === undefined) return;
  const all = shown.incidents;
  show({ incidents: all.slice(0, 3) });
  const { page, close } = await openPage(browser, { view, origin });
  await page.goto(`${origin}/status`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  const path = `${folder}/status-${view.width}-${view.theme}.png`;
  await page.screenshot({ path, fullPage: true });
  await close();
  show({ incidents: all });
}

test("the status page looks well with all there is to show, and runs nothing that people wrote", {
  skip,
}, async () => {
  assert.ok(start.state === "ready");
  for (const view of views) {
    await keepPicture(start.browser, view);
    const opened = await openPage(start.browser, { view, origin });
    const { page } = opened;
    await page.goto(`${origin}/status`);
    await page.getByRole("heading", { level: 1, name: "sydney does not answer" }).waitFor();
    const where = `status-${view.width}-${view.theme}`;
    await assertWell(opened, where);
    assert.match(await page.title(), /^sydney does not answer/);
    assert.equal(await page.locator("main img, main script").count(), 0);
    await page.getByRole("radio", { name: "90 days" }).check();
    await page.getByRole("radio", { name: "frankfurt" }).check();
    await page.getByRole("img", { name: /until frankfurt answered.*by day/ }).waitFor();
    await page.getByRole("button", { name: "Show all 11" }).click();
    assert.equal(await page.locator("article").count(), 12);
    await assertWell(opened, `${where}, all of it`);
    await opened.close();
  }
});

test("the page follows a change within five seconds, and asks for little while there is none", {
  skip,
}, async () => {
  assert.ok(start.state === "ready");
  const opened = await openPage(start.browser, { view: views[0] as (typeof views)[0], origin });
  const { page } = opened;
  show({ state: "up", regions: shown.regions.map((region) => ({ ...region, state: "up" })) });
  await page.goto(`${origin}/status`);
  await page.getByRole("heading", { level: 1, name: "All regions answer" }).waitFor();
  const [sydney, ...others] = shown.regions;
  assert.ok(sydney !== undefined);
  show({ state: "degraded", regions: [{ ...sydney, state: "down" }, ...others] });
  const changedMs = performance.now();
  await page
    .getByRole("heading", { level: 1, name: "sydney does not answer" })
    .waitFor({ timeout: shownMsMax });
  assert.ok(performance.now() - changedMs < shownMsMax);
  await opened.close();
});

test("when nobody answers, the page says so and keeps what it has; then it goes on", {
  skip,
}, async () => {
  assert.ok(start.state === "ready");
  const opened = await openPage(start.browser, { view: views[0] as (typeof views)[0], origin });
  const { page } = opened;
  await page.goto(`${origin}/status`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  isAway = true;
  await page.getByText("The status cannot be asked for now.").waitFor();
  assert.equal(await page.locator(".region").count(), shown.regions.length);
  isAway = false;
  await page.getByText("The status cannot be asked for now.").waitFor({ state: "detached" });
  await opened.close();
});

test("a feed's address leads to its incident", { skip }, async () => {
  assert.ok(start.state === "ready");
  const opened = await openPage(start.browser, { view: views[0] as (typeof views)[0], origin });
  const { page } = opened;
  await page.goto(`${origin}/status#${"b".repeat(16)}`);
  const place = page.locator(`[id="${"b".repeat(16)}"]`);
  await place.waitFor();
  const top = await place.evaluate("(element) => element.getBoundingClientRect().top");
  assert.ok(typeof top === "number" || top === undefined);
  await opened.close();
});
