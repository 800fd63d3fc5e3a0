/** Every page in real Chromium, as the hub serves it. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { webPages } from "../src/control/web-files.ts";
import { assertWell, openPage, startBrowser, views } from "./support/browser.ts";
import { servePages } from "./support/served-pages.ts";

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

const served = await servePages();
const { files, origin } = served;

after(async () => {
  served.stop();
  if (start.state === "ready") await start.browser.close();
});

test("every page loads in both themes, narrow and wide: quiet, accessible, no sideways scrolling", {
  skip,
}, async () => {
  assert.ok(start.state === "ready");
  for (const path of Object.keys(webPages)) {
    for (const view of views) {
      const opened = await openPage(start.browser, { view, origin });
      await opened.page.goto(`${origin}${path}`);
      await opened.page.locator("h1, main").first().waitFor();
      await assertWell(opened, `${path} ${view.width} ${view.theme}`);
      await opened.close();
    }
  }
});

/** Compressed, of a page's first load: the document and all that it names. */
const firstLoadBytesMax: Readonly<Record<string, number>> = {
  "/": 150_000,
  "/portal": 80_000,
  "/status": 80_000,
  "/docs": 80_000,
};

test("a page's first load is within its budget", () => {
  for (const [address, name] of Object.entries(webPages)) {
    const document = files.get(name);
    assert.ok(document !== undefined, name);
    const text = new TextDecoder().decode(document.bytes);
    const named = [...text.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path);
    assert.ok(named.length > 1, `${name} names its scripts`);
    let bytes = document.gzip?.length ?? document.bytes.length;
    for (const path of named) {
      const file = files.get(path ?? "");
      assert.ok(file !== undefined, `${name} names ${path}`);
      bytes += file.gzip?.length ?? file.bytes.length;
    }
    assert.ok(bytes <= (firstLoadBytesMax[address] ?? 0), `${address}: ${bytes} bytes`);
  }
});
