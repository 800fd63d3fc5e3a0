/** The reference at `/docs` in real Chromium. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertWell, openPage, startBrowser, views } from "./support/browser.ts";
import { servePages } from "./support/served-pages.ts";

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

const served = await servePages();
const { origin } = served;

after(async () => {
  served.stop();
  if (start.state === "ready") await start.browser.close();
});

test("every operation is on the page, found by its words, in both themes, narrow and wide", {
  skip,
}, async () => {
  assert.ok(start.state === "ready");
  const document = (await (await fetch(`${origin}/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  const count = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
  for (const view of views) {
    const opened = await openPage(start.browser, { view, origin });
    const { page } = opened;
    await page.goto(`${origin}/docs#rotateKey`);
    await page.locator("#rotateKey").waitFor();
    assert.equal(await page.locator("article").count(), count);
    const top = (await page.locator("#rotateKey").boundingBox())?.y ?? -1;
    assert.ok(top >= 0 && top < 400, `the place of the address is shown: ${top}`);
    await page.locator("#createKey summary").first().click();
    await assertWell(opened, `/docs ${view.width} ${view.theme}`);
    await page.getByLabel("Find an operation").fill("usage");
    assert.ok((await page.locator("article").count()) < count);
    assert.equal(await page.locator("#usage").count(), 1);
    const folder = process.env["TALLYGATE_SCREENSHOTS"];
    if (folder !== undefined) {
      await page.getByLabel("Find an operation").fill("keys");
      const file = join(folder, `docs-${view.width}-${view.theme}.png`);
      await page.screenshot({ path: file });
    }
    await opened.close();
  }
});
