/**
 * `npm run images`: takes the pictures of the pages in `docs/images` anew, in real Chromium, of a cluster of six regions with
 * believable traffic. Takes two minutes.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { openPage, startBrowser, type View, views } from "../test/support/browser.ts";
import { Cluster } from "../test/support/cluster.ts";
import { root } from "./checks.ts";
import { buildPages } from "./web.ts";

const folder = join(root, "docs", "images");
/** Before the first picture. */
const trafficMs = 75_000;
const stepMs = 120;

/** Region → its share of the traffic. */
const regions = {
  sydney: 9,
  seoul: 6,
  frankfurt: 12,
  amsterdam: 4,
  ohio: 7,
  "sao-paulo": 3,
} as const;

const config = `version: 1
regions:
${Object.keys(regions)
  .map((name, i) => `  ${name}: { listen: "127.0.0.1:${8081 + i}" }`)
  .join("\n")}
keys: { prefix: wx, from: ["header:x-api-key"] }
plans:
  anonymous: { limits: [{ name: day, per: ip, quota: 1500, window: day }, { name: burst, per: ip, quota: 20, window: second }] }
  free: { limits: [{ name: day, per: key, quota: 900, window: day }] }
  pro: { limits: [{ name: month, per: key, quota: 100000, window: month }, { name: minute, per: key, quota: 6000, window: minute }] }
  enterprise: { limits: [{ name: month, per: owner, quota: 5000000, window: month, enforcement: strict }] }
anonymousPlan: anonymous
upstreams:
  archive: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: "/weather/{city}", handler: ./weather.ts }
  - { path: "/forecast/{city}", handler: ./weather.ts, cost: 10 }
  - { path: "/archive", upstream: archive, refundOn: [not-attempted] }
`;

const keys = [
  { plan: "pro", owner: "globex", name: "Web shop" },
  { plan: "enterprise", owner: "initech", name: "Nightly import" },
  { plan: "pro", owner: "acme", name: "Mobile app" },
  { plan: "enterprise", owner: "initech", name: "Back office" },
  { plan: "pro", owner: "umbrella", name: "Partner feed" },
  { plan: "free", owner: "stark", name: "Fleet" },
  { plan: "free", owner: "wayne", name: "Greenhouse" },
  { plan: "free", owner: "hooli", name: "Notebook" },
] as const;

const cities = ["sydney", "seoul", "berlin", "paris", "lima"];

async function makeTraffic(cluster: Cluster, isOver: () => boolean): Promise<void> {
  const secrets: string[] = [];
  for (const { plan, ...more } of keys) secrets.push((await cluster.createKey(plan, more)).key);
  let n = 0;
  while (!isOver()) {
    const wave = 1 + 0.4 * Math.sin(performance.now() / 9_000);
    const calls = Object.entries(regions).flatMap(([name, weight]) =>
      Array.from({ length: Math.round(weight * wave * 0.35) }, () => call(cluster, name, ++n)),
    );
    await Promise.all(calls);
    await sleep(stepMs);
  }

  async function call(of: Cluster, region: string, number: number): Promise<void> {
    const path =
      number % 97 === 0
        ? "/archive"
        : number % 61 === 0
          ? "/none"
          : number % 13 === 0
            ? "/forecast/lima"
            : `/weather/${cities[number % 5]}`;
    // The first keys have most of the calls.
    const secret = secrets[Math.floor(Math.random() ** 2 * secrets.length)] ?? "";
    const key =
      number % 53 === 0 ? {} : { "x-api-key": number % 47 === 0 ? "wx_live_wrong" : secret };
    const referer = number % 3 === 0 ? "https://shop.example/" : "https://app.example/";
    const response = await fetch(`${of.region(region).url}${path}`, {
      headers: { ...key, referer },
    });
    await response.arrayBuffer();
  }
}

/** Place in the dashboard → its picture's name and what is there once it has loaded. */
const dashboard = [
  { hash: "#/", name: "overview", sign: ".bars" },
  { hash: "#/usage?by=owner&window=hour&span=day", name: "usage", sign: ".table" },
  { hash: "#/keys", name: "keys", sign: ".table" },
  { hash: "#/plans", name: "plans", sign: ".table" },
  { hash: "#/system", name: "system", sign: ".facts" },
] as const;

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

async function takePictures(cluster: Cluster): Promise<void> {
  const start = await startBrowser();
  if (start.state === "unavailable") throw new Error(start.why);
  const origin = cluster.state.hub.url;
  const take = async (view: View): Promise<void> => {
    const { page, close } = await openPage(start.browser, { view, origin });
    await page.goto(`${origin}/`);
    await logIn(page, cluster.state.token);
    for (const { hash, name, sign } of dashboard) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.locator(`main ${sign}`).first().waitFor();
      await sleep(2_500);
      const path = join(folder, `dashboard-${name}-${view.width}-${view.theme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
    await close();
  };
  try {
    for (const view of views) await take(view);
  } finally {
    await start.browser.close();
  }
}

await buildPages();
mkdirSync(folder, { recursive: true });
const cluster = await Cluster.start({
  config,
  files: { "weather.ts": `export default () => new Response("sunny\\n");\n` },
  latency: "sydney=65ms,seoul=60ms,frankfurt=40ms,ohio=45ms",
});
try {
  let isOver = false;
  const traffic = makeTraffic(cluster, () => isOver);
  try {
    await sleep(trafficMs);
    await takePictures(cluster);
  } finally {
    isOver = true;
    await traffic;
  }
} finally {
  await cluster.stop();
}
