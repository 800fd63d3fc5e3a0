/**
 * One number, whoever is asked: for calls of mixed keys, routes, refunds and rejections, the caller's own books, usage by every
 * dimension and window, CSV, JSON lines, the command line, dashboard and portal in real Chromium, the gateways and `verify`
 * agree to the unit.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildPages } from "../scripts/web.ts";
import { present } from "../src/base/assert.ts";
import type { UsageReportRow } from "../src/ports/ledger-store.ts";
import { type OpenedPage, openPage, startBrowser } from "./support/browser.ts";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import {
  type MixedBook,
  type MixedCaller,
  type MixedRoute,
  type MixedSums,
  runMixed,
  sumsBy,
} from "./support/mixed-calls.ts";
import { enter } from "./support/portal-person.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const calls = isLong ? 1_000_000 : 6_000;
const keysPerPlan = isLong ? 40 : 8;
/** Above what one of its keys may spend, so that many of its calls are rejected. */
const smallQuota = isLong ? 9_000 : 150;

const routes: readonly MixedRoute[] = [
  { path: "/", cost: 1, isRefunded: false },
  { path: "/three", cost: 3, isRefunded: false },
  { path: "/broken", cost: 2, isRefunded: true },
];

const start = await startBrowser();
const skip = start.state === "ready" ? false : `Chromium: ${start.why}`;

let cluster: Cluster;
const callers: MixedCaller[] = [];
/** Those of `callers`' owners who have the portal open. */
const persons: { readonly id: string; readonly opened: OpenedPage }[] = [];
let books: readonly MixedBook[] = [];
let seconds = 0;

before(async () => {
  const limit = (quota: number) => `{ name: month, per: key, quota: ${quota}, window: month }`;
  if (start.state === "ready") await buildPages();
  cluster = await Cluster.start({
    config: threeRegions({
      plans: `pro: { limits: [${limit(10 ** 12)}] }\n  small: { limits: [${limit(smallQuota)}] }`,
      routes: [
        '- { path: "/", handler: ./hello.mjs }',
        '- { path: "/three", handler: ./hello.mjs, cost: 3 }',
        '- { path: "/broken", handler: ./broken.ts, cost: 2, refundOn: [5xx] }',
      ].join("\n  "),
      top: "portal: { plan: small, name: Example }",
    }),
    files: {
      ...handlers,
      "broken.ts": 'export default () => new Response("no", { status: 500 });\n',
    },
  });
  for (const name of start.state === "ready" ? ["ann", "ben"] : []) await signUp(name);
  const owners = ["acme", "initech", "umbrella", ...persons.map(({ id }) => id)];
  for (const plan of ["pro", "small"]) {
    for (let i = 0; i < keysPerPlan; i++) {
      const owner = owners[i % owners.length] as string;
      const { id, key: secret } = await cluster.createKey(plan, { owner });
      callers.push({ id, secret, owner, plan });
    }
  }
  const last = callers.at(-1)?.secret ?? "";
  for (const region of regionNames) {
    await until(async () => (await cluster.usage(region, last)) !== undefined, 10_000, region);
  }
  const regions = regionNames.map((name) => ({ name, url: cluster.region(name).url }));
  const result = await runMixed({ regions, callers, routes, calls, connectionsPerRegion: 16 });
  assert.deepEqual([...result.others], [], "every call is answered as it must be");
  ({ books, seconds } = result);
  await until(isAllCounted, 60_000, "all that was charged to be in the hub's ledger");
});

after(async () => {
  if (start.state === "ready") await start.browser.close();
  await cluster?.stop();
});

/** The key that whoever signs up gets calls, too. */
async function signUp(name: string): Promise<void> {
  const opened = await open();
  const secret = await enter(cluster, opened, `${name}@example.org`);
  const person = await opened.page.evaluate<{ id: string }>(
    "fetch('/portal/api/session').then((answer) => answer.json())",
  );
  const { json } = await cluster.api("GET", `/v1/keys?owner=${person.id}`);
  const [key] = (json as { keys: { id: string }[] }).keys;
  callers.push({ id: key?.id ?? "", secret, owner: person.id, plan: "small" });
  persons.push({ id: person.id, opened });
}

async function open(): Promise<OpenedPage> {
  assert.ok(start.state === "ready");
  const view = { width: 1440, theme: "light" } as const;
  return openPage(start.browser, { view, origin: cluster.state.hub.url });
}

const valueOf: Readonly<Record<string, (book: MixedBook) => string>> = {
  key: ({ caller }) => caller.id,
  owner: ({ caller }) => caller.owner,
  plan: ({ caller }) => caller.plan,
  route: ({ route }) => route,
  region: ({ region }) => region,
  ip: () => "127.0.0.1",
  referer: () => "",
};

async function usage(query: string): Promise<UsageReportRow[]> {
  const rows: UsageReportRow[] = [];
  for (let cursor = ""; ; ) {
    const path = `/v1/usage?${query}&limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const { status, json } = await cluster.api("GET", path);
    assert.equal(status, 200, JSON.stringify(json));
    const page = json as { rows: UsageReportRow[]; next: string | null };
    rows.push(...page.rows);
    if (page.next === null) return rows;
    cursor = page.next;
  }
}

async function isAllCounted(): Promise<boolean> {
  const expected = books.reduce((sum, book) => sum + book.calls, 0);
  const rows = await usage("by=plan&window=total");
  return rows.reduce((sum, row) => sum + row.calls, 0) === expected;
}

/** By value, over all windows: the load may have gone on past an hour's end. */
function summed(rows: readonly UsageReportRow[]): Map<string, MixedSums> {
  const sums = new Map<string, MixedSums>();
  for (const { value, calls, units, refundedCalls, refundedUnits } of rows) {
    const known = sums.get(value) ?? { calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0 };
    known.calls += calls;
    known.units += units;
    known.refundedCalls += refundedCalls;
    known.refundedUnits += refundedUnits;
    sums.set(value, known);
  }
  return sums;
}

function assertSame(found: Map<string, MixedSums>, by: string, what: string): void {
  const expected = sumsBy(books, valueOf[by] as (book: MixedBook) => string);
  assert.deepEqual(inOrder(found), inOrder(expected), `${what}, by ${by}`);
}

function inOrder(sums: Map<string, MixedSums>): [string, MixedSums][] {
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}

function csvRows(text: string): UsageReportRow[] {
  const [header = "", ...lines] = text.trimEnd().split("\r\n");
  assert.equal(header.split(",").length, 6);
  return lines.map((line) => {
    const [window = "", value = "", calls, units, refundedCalls, refundedUnits] = line.split(",");
    const [a, b, c, d] = [calls, units, refundedCalls, refundedUnits].map(Number);
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    return { window, value, calls: a, units: b, refundedCalls: c, refundedUnits: d };
  });
}

async function command(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.command(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

test("the load held what it should: refunds and rejections among many keys, routes and regions", (t) => {
  const sum = (of: (book: MixedBook) => number) => books.reduce((all, book) => all + of(book), 0);
  const [charged, refunded] = [sum((book) => book.calls), sum((book) => book.refundedCalls)];
  const rejected = sum((book) => book.rejected);
  assert.equal(charged + rejected, calls);
  assert.ok(refunded > calls / 10 && rejected > calls / 20);
  t.diagnostic(
    `figure: ${calls} calls at ${Math.round(calls / seconds)}/s: ${charged} charged with ${sum((book) => book.units)} units, ${refunded} refunded with ${sum((book) => book.refundedUnits)}, ${rejected} rejected; all views equal`,
  );
});

for (const window of ["hour", "day", "month", "total"]) {
  test(`usage by every dimension and ${window} is what was charged`, async () => {
    for (const by of Object.keys(valueOf)) {
      assertSame(summed(await usage(`by=${by}&window=${window}`)), by, window);
    }
  });
}

test("filters of one key, owner, route or region give its part, and the parts are the whole", async () => {
  for (const by of ["key", "owner", "route", "region"]) {
    const parts: UsageReportRow[] = [];
    for (const value of new Set(books.map(valueOf[by] as (book: MixedBook) => string))) {
      const rows = await usage(`by=plan&window=day&${by}=${encodeURIComponent(value)}`);
      const own = books.filter((book) => valueOf[by]?.(book) === value);
      const plans = sumsBy(own, valueOf["plan"] as (book: MixedBook) => string);
      assert.deepEqual(inOrder(summed(rows)), inOrder(plans), `${by} ${value}`);
      parts.push(...rows);
    }
    assertSame(summed(parts), "plan", `all of ${by}`);
  }
});

test("CSV and JSON lines, from the API and the command line, are what the pages are", async () => {
  for (const by of ["key", "route", "region"]) {
    const args = ["usage", "--by", by, "--window", "hour"];
    assertSame(summed(csvRows(await command(...args, "--csv"))), by, "CSV");
    const lines = (await command(...args, "--jsonl")).trimEnd().split("\n");
    assertSame(summed(lines.map((line) => JSON.parse(line) as UsageReportRow)), by, "JSON lines");
    const document = JSON.parse(await command(...args, "--json")) as { rows: UsageReportRow[] };
    assertSame(summed(document.rows), by, "usage --json");
  }
  const table = await command("usage", "--by", "plan", "--window", "total");
  const pro = sumsBy(books, valueOf["plan"] as (book: MixedBook) => string).get("pro");
  assert.match(table, new RegExp(`^all +pro +${pro?.calls.toLocaleString("en-US")} `, "m"));
});

test("every gateway says of every key what is left of what was charged", async () => {
  for (const [id, { units, refundedUnits }] of sumsBy(books, ({ caller }) => caller.id)) {
    const secret = callers.find((caller) => caller.id === id)?.secret ?? "";
    for (const region of regionNames) {
      const used = (await cluster.usage(region, secret))?.limits[0]?.used;
      assert.equal(used, units - refundedUnits, `${id} in ${region}`);
    }
  }
});

test("rejections are counted as such, and charged to nobody", async () => {
  const { status, json } = await cluster.api("GET", "/v1/outcomes?by=outcome&window=total");
  assert.equal(status, 200, JSON.stringify(json));
  const { rows } = json as { rows: { value: string; calls: number }[] };
  const limited = rows.filter(({ value }) => value.startsWith("limited"));
  assert.equal(
    limited.reduce((sum, row) => sum + row.calls, 0),
    rejectedOf(books),
  );
});

test("verify recomputes the same and finds nothing", async () => {
  const report = JSON.parse(await command("verify", "--json")) as { ok: boolean };
  assert.equal(report.ok, true);
});

/** A table's rows: heading and the numbers of the other cells, in the columns' order. */
async function rowsIn(page: Page, caption: string): Promise<[string, number[]][]> {
  const table = page.getByRole("table", { name: caption, exact: true });
  await table.locator("tbody tr").first().waitFor();
  const cells = await page.evaluate<[string, string][][]>(`
    [...document.querySelectorAll("table")]
      .find((table) => table.caption.textContent === ${JSON.stringify(caption)})
      .querySelectorAll("tbody tr")
      .values()
      .map((row) => [...row.children].map((cell) => [cell.tagName, cell.textContent]))
      .toArray()`);
  return cells.map((row) => {
    const heading = row.find(([tag]) => tag === "TH")?.[1] ?? "";
    const texts = row.filter(([tag]) => tag === "TD").map(([, text]) => text);
    return [heading, texts.map((text) => Number(text.replaceAll(/[^\d.]/g, "")))];
  });
}

const rejectedOf = (of: readonly MixedBook[]): number =>
  of.reduce((sum, { rejected }) => sum + rejected, 0);
const net = ({ units, refundedUnits }: MixedSums): number => units - refundedUnits;

test("the dashboard's tables say the same", { skip }, async () => {
  const { page, complaints, close } = await open();
  await page.goto(`${cluster.state.hub.url}/`);
  await page.getByLabel("Admin token").fill(cluster.state.token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  for (const by of ["key", "owner", "plan", "route", "region"]) {
    await page.goto(`${cluster.state.hub.url}/#/usage?by=${by}&window=total&span=7d`);
    await page.getByRole("columnheader", { name: by, exact: false }).first().waitFor();
    const shown = await rowsIn(page, "Usage");
    const expected = sumsBy(books, valueOf[by] as (book: MixedBook) => string);
    const rows = [...expected].map(([value, sums]) => {
      const { calls, units, refundedCalls, refundedUnits } = sums;
      return [value, [calls, units, refundedCalls, refundedUnits, net(sums)]] as const;
    });
    assert.deepEqual(shown.sort(), rows.sort(), `dashboard, by ${by}`);
  }
  await page.goto(`${cluster.state.hub.url}/#/outcomes?by=outcome&window=total&span=7d`);
  const limited = (await rowsIn(page, "Outcomes")).filter(([name]) => /limit/i.test(name));
  const shown = limited.reduce((sum, [, [calls = 0]]) => sum + calls, 0);
  assert.equal(shown, rejectedOf(books));
  assert.deepEqual(complaints, []);
  await close();
});

test("the portal shows each of its people the same of their own", { skip }, async () => {
  for (const { id, opened } of persons) {
    const { page, complaints } = opened;
    const own = books.filter(({ caller }) => caller.owner === id);
    const all = present(sumsBy(own, () => id).get(id), "calls of a person");
    await page.goto(`${cluster.state.hub.url}/portal`);
    await page.getByText("Units this month").waitFor();
    const figures = await page.locator(".figures dd").allTextContents();
    const calls = all.calls - all.refundedCalls;
    const count = (value: number): string => value.toLocaleString("en-US");
    // Today, which may have begun since, and this month.
    assert.equal(figures[1], `${count(net(all))}${count(calls)} calls`);
    const byRegion = sumsBy(own, ({ region }) => region);
    const regions = (await rowsIn(page, "Units by region")).map(([name, [, month]]) => [
      name,
      month,
    ]);
    assert.deepEqual(
      regions,
      regionNames.map((name) => [name, net(present(byRegion.get(name), name))]),
    );
    const meters = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.meter-bar')].map((bar) => bar.getAttribute('aria-label'))",
    );
    for (const [key, sums] of sumsBy(own, ({ caller }) => caller.id)) {
      const plan = callers.find((caller) => caller.id === key)?.plan;
      const quota = plan === "pro" ? 10 ** 12 : smallQuota;
      assert.ok(
        meters.some((text) => text.includes(`${count(net(sums))} of ${count(quota)}`)),
        `${key}: ${net(sums)} in ${meters.join("; ")}`,
      );
    }
    const refused = await rowsIn(page, "Refused calls");
    // Key, route, region, calls.
    const shown = refused.reduce((sum, [, [, , , calls = 0]]) => sum + calls, 0);
    assert.equal(shown, rejectedOf(own));
    assert.deepEqual(complaints, []);
  }
});
