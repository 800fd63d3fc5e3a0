/**
 * Believable callers for the demo (`npm run demo -- --traffic`): customers with keys who live in one region and are seen in
 * the others, visitors without a key, a few who ask nonsense. `node traffic.ts --data DIR [--rate N]` finds the demo's
 * addresses and token in DIR/dev.json, makes its keys through the admin API, and stops with the process that started it.
 */

import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** Calls a second over all regions, by default and at most. */
export const rateDefault = 200;
export const rateMax = 2_000;
/** Calls under way; what would come beyond is left out, as a busy caller would. */
const inFlightMax = 64;
const replyTimeoutMs = 5_000;
const tickMs = 20;

const customers = [
  { owner: "weatherly", plan: "pro" },
  { owner: "shopfront", plan: "pro" },
  { owner: "adlane", plan: "pro" },
  ...["blog", "forum", "cafe", "school", "club", "garage"].map((owner) => ({
    owner,
    plan: "free",
  })),
];
const visitors = 60;
const sites = ["https://news.example/", "https://maps.example/", "https://travel.example/"];
/** Addresses asked for; the first are asked for most. */
const lookedUp = 2_000;
const shareOfVisitors = 0.3;
const shareAtHome = 0.7;
const shareOfNonsense = 0.01;

export interface TrafficOptions {
  /** Base URLs of the regions. */
  readonly regions: readonly string[];
  readonly keys: readonly string[];
  /** 1 to `rateMax`. */
  readonly callsPerSecond: number;
}

export interface Traffic {
  /** Calls sent so far. */
  sent(): number;
  stop(): void;
}

export function startTraffic({ regions, keys, callsPerSecond }: TrafficOptions): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, maxFreeSockets: 2 });
  const paths = Array.from({ length: lookedUp }, randomPath);
  let sent = 0;
  let inFlight = 0;
  let hasManyLoopbacks = true;

  const call = (): void => {
    const isVisitor = keys.length === 0 || Math.random() < shareOfVisitors;
    const who = zipf(isVisitor ? visitors : keys.length);
    const home = who % regions.length;
    const region = Math.random() < shareAtHome ? home : below(regions.length);
    const path = Math.random() < shareOfNonsense ? "/not-an-address" : paths[zipf(lookedUp)];
    inFlight++;
    sent++;
    const asked = request(`${regions[region]}${path}`, {
      agent,
      timeout: replyTimeoutMs,
      headers: isVisitor ? refererOf(who) : { "x-api-key": keys[who] },
      ...(isVisitor && hasManyLoopbacks ? { localAddress: loopbackOf(who) } : {}),
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("response", (reply) => reply.resume());
    // A region that restarts refuses for a moment; and not every system has more loopback addresses than one.
    asked.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRNOTAVAIL") hasManyLoopbacks = false;
    });
    asked.on("close", () => inFlight--);
    asked.end();
  };

  let due = 0;
  const timer = setInterval(() => {
    due = Math.min(due + (callsPerSecond * tickMs) / 1000, inFlightMax);
    // Callers know nothing of one another: now more, now fewer come at once.
    for (let n = Math.floor(due * 2 * Math.random()); n > 0; n--) {
      due--;
      if (inFlight < inFlightMax) call();
    }
  }, tickMs);

  return {
    sent: () => sent,
    stop() {
      clearInterval(timer);
      agent.destroy();
    },
  };
}

/** Some visitors come from a site's page, most have no referer. */
function refererOf(who: number): Record<string, string> {
  const site = sites[who % (sites.length * 2)];
  return site === undefined ? {} : { referer: site };
}

function loopbackOf(who: number): string {
  return `127.10.${who >> 8}.${(who & 255) + 1}`;
}

function below(n: number): number {
  return Math.floor(Math.random() * n);
}

/** A number in [0, n), small ones far more often: the logarithm's shortcut to Zipf's law with exponent 1. */
export function zipf(n: number): number {
  return Math.floor((n + 1) ** Math.random()) - 1;
}

function randomPath(): string {
  if (Math.random() < 0.2) return `/2${below(16).toString(16)}00:${below(65_536).toString(16)}::1`;
  return `/${1 + below(223)}.${below(256)}.${below(256)}.${below(256)}`;
}

interface DevState {
  readonly hub: { readonly url: string };
  readonly regions: Readonly<Record<string, { readonly url: string }>>;
  readonly token: string;
}

/** The same keys at every start of a day: the idempotency key brings back the answer that made them. */
async function createKeys({ hub, token }: DevState): Promise<string[]> {
  const keys: string[] = [];
  for (const { owner, plan } of customers) {
    const reply = await fetch(`${hub.url}/v1/keys`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "idempotency-key": `example-traffic-${owner}`,
      },
      body: JSON.stringify({ name: "traffic", owner, plan }),
    });
    if (!reply.ok) throw new Error(`the hub answered ${reply.status} to a new key`);
    keys.push(((await reply.json()) as { readonly key: string }).key);
  }
  return keys;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string" }, rate: { type: "string", default: String(rateDefault) } },
  });
  const callsPerSecond = Number(values.rate);
  if (values.data === undefined || !(callsPerSecond >= 1 && callsPerSecond <= rateMax)) {
    process.stderr.write(`usage: traffic.ts --data DIR [--rate 1..${rateMax}]\n`);
    process.exit(2);
  }
  const dev = JSON.parse(readFileSync(join(values.data, "dev.json"), "utf8")) as DevState;
  const regions = Object.values(dev.regions).map((region) => region.url);
  const traffic = startTraffic({ regions, keys: await createKeys(dev), callsPerSecond });

  const stop = (): void => {
    traffic.stop();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "disconnect"]) process.once(signal, stop);
  // A parent that was killed says nothing, but its child gets another.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, 500);
}

if (import.meta.main) await main();
