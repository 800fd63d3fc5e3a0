/** Every page in real Chromium, as the hub serves it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import { root } from "../scripts/checks.ts";
import { buildPages } from "../scripts/web.ts";
import { readWebFolder } from "../src/adapters/node/web-folder.ts";
import { createControl } from "../src/control/control.ts";
import { createFakeHub } from "../src/control/testing/fake-hub.ts";
import { webPages } from "../src/control/web-files.ts";
import { assertWell, openPage, startBrowser, views } from "./support/browser.ts";

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

await buildPages();
const files = readWebFolder(join(root, "dist-web"));
const answer = getRequestListener(createControl({ ...createFakeHub().context, web: files }).fetch);
const server = createServer((request, response) => void answer(request, response));
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
