/**
 * Real Chromium for tests of the pages: Debian's, installed where that can be done without asking, driven by
 * playwright-core. What a page says on its console, and what axe-core finds, are part of every test.
 */

import assert from "node:assert/strict";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { ensureDebian } from "../../scripts/debian.ts";

export type BrowserStart =
  | { readonly state: "ready"; readonly browser: Browser }
  /** `why` is the text of the skipped tests. */
  | { readonly state: "unavailable"; readonly why: string };

const program = "/usr/bin/chromium";
const startMsMax = 60_000;
/** Longest wait for anything on a page. */
const pageMsMax = 15_000;

/** Whoever starts it closes it. */
export async function startBrowser(): Promise<BrowserStart> {
  const debian = await ensureDebian(["chromium", "fonts-dejavu-core"]);
  if (debian.state === "unavailable") return { state: "unavailable", why: debian.why };
  const browser = await chromium.launch({
    executablePath: program,
    timeout: startMsMax,
    // The sandbox wants a kernel feature that containers lack, and these pages are our own.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  return { state: "ready", browser };
}

export const themes = ["light", "dark"] as const;
export const widths = [360, 1440] as const;

export interface View {
  readonly width: (typeof widths)[number];
  readonly theme: (typeof themes)[number];
}

/** Both widths in both themes: how every page must look well. */
export const views: readonly View[] = widths.flatMap((width) =>
  themes.map((theme) => ({ width, theme })),
);

export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, requests to other origins and answers that failed on the way. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** A page of a browser profile of its own, so that no cookie is shared. Nothing is loaded yet. */
export async function openPage(
  browser: Browser,
  { view, origin }: { readonly view: View; readonly origin: string },
): Promise<OpenedPage> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.width < 600 ? 780 : 900 },
    colorScheme: view.theme,
    ignoreHTTPSErrors: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(pageMsMax);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) complaints.push(`asked ${request.url()}`);
  });
  return { page, complaints, close: () => context.close() };
}

interface AxeFinding {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds on the page as it is now, one line each. */
export async function accessibilityFindings(page: Page): Promise<string[]> {
  // Evaluated by the debugger, which the policy of the page does not bind.
  await page.evaluate(axe.source);
  const findings = await page.evaluate<readonly AxeFinding[]>(
    "axe.run(document).then(({ violations }) => violations)",
  );
  return findings.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = "" }) => {
      return `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary.replaceAll(/\s+/g, " ")}`;
    }),
  );
}

/** The rules that hold on every page: a quiet console, nothing for axe-core to find, nothing wider than the screen. */
export async function assertWell({ page, complaints }: OpenedPage, where: string): Promise<void> {
  assert.deepEqual(complaints, [], `console at ${where}`);
  assert.deepEqual(await accessibilityFindings(page), [], `accessibility at ${where}`);
  const [inside, outside] = await page.evaluate<[number, number]>(
    "[document.documentElement.scrollWidth, innerWidth]",
  );
  assert.ok(inside <= outside, `${where} scrolls sideways: ${inside} > ${outside}`);
}
