/** The shop's story, told from real calls: balance, a copy that is killed, limits, and what was counted. */

import { setTimeout as sleep } from "node:timers/promises";
import { callControl } from "../../src/cli/control-client.ts";
import { tableLines } from "../../src/cli/output.ts";
import type { UsageJson } from "../../src/control/schemas.ts";
import { Tally } from "./caller.ts";
import type { Copies } from "./copies.ts";
import { isShed, type Plan, type PlanAccount, type Shop } from "./shop.ts";

/** What happened, for programs. */
export interface StoryFacts {
  /** Answers by copy, while all were well. */
  readonly balance: Readonly<Record<string, number>>;
  readonly kill: KillFacts;
  readonly limits: readonly LimitFacts[];
  readonly counted: readonly CountedFacts[];
  /** All of it came true. */
  readonly isTrue: boolean;
}

interface KillFacts {
  readonly copy: string;
  /** Answers by copy before the kill, while the copy was gone, and from its first answer on. */
  readonly before: Readonly<Record<string, number>>;
  readonly away: Readonly<Record<string, number>>;
  readonly back: Readonly<Record<string, number>>;
  /** Tries that the gateway made elsewhere after one had failed. */
  readonly retries: number;
  readonly failed: number;
}

interface LimitFacts {
  readonly plan: Plan;
  readonly quota: number;
  /** What was left of it when the calls began. */
  readonly remaining: number;
  readonly answered: number;
  readonly retryAfterSeconds: number;
  readonly signup: boolean;
}

interface CountedFacts extends PlanAccount {
  readonly plan: Plan;
  /** By the hub, over all gateways. */
  readonly calls: number;
  readonly units: number;
}

export interface StoryParts {
  readonly shop: Shop;
  readonly copies: Copies;
  /** A line of the story. */
  print(line?: string): void;
}

const roundsPerCopy = 20;
const killed = "products-2";
/** Between two calls while the copy is killed. */
const callEveryMs = 10;
/** Calls under way; what would come beyond is left out. A stalled machine is not to look like an overload. */
const underWayMax = 12;
const beforeMs = 500;
const afterMs = 500;
/** A copy is back well before: started after a second, checked every second. */
const backMsMax = 20_000;
/** With less left of the minute, the next one is waited for. */
const minuteLeftMsMin = 1_500;
const minutesMax = 3;
/** Calls of one caller before the first 429, at most: far more than a quota of this example. */
const callsToRefusalMax = 1_000;
/** The hub has all charges within a second. */
const countedMsMax = 10_000;
const pollMs = 50;
/** Units of an order, as tallygate.yaml says. */
const orderUnits = 5;

export async function tellStory(parts: StoryParts): Promise<StoryFacts> {
  const balance = await tellBalance(parts);
  const kill = await tellKill(parts);
  const limits = [await tellLimit(parts, "anonymous"), await tellLimit(parts, "starter")];
  const counted = await tellCounted(parts);
  const isTrue =
    kill.failed === 0 &&
    counted.every((each) => each.failed === 0 && isExact(each)) &&
    limits.every(({ answered, remaining }) => answered === remaining) &&
    parts.copies.all.every(({ name }) => (balance[name] ?? 0) > 0);
  return { balance, kill, limits, counted, isTrue };
}

async function tellBalance({ shop, copies, print }: StoryParts): Promise<StoryFacts["balance"]> {
  print(
    "1. Calls go to the service that their path names, and there to the copy with the least to do.\n",
  );
  const seen = new Tally();
  // Copies that nothing was sent to stand in the table as well.
  for (const { name } of copies.all) seen.counts.set(name, 0);
  for (let i = 0; i < roundsPerCopy; i++) {
    for (const { name } of copies.all) {
      const service = name.replace(/-\d+$/, "");
      const id = 1 + (i % 6);
      if (service === "orders") {
        await shop.call("partner", { path: "/api/orders", order: { user: id, product: id } }, seen);
      } else await shop.call("partner", { path: `/api/${service}/${id}` }, seen);
    }
  }
  const rows = [...seen.counts].map(([copy, calls]) => [copy, String(calls)]);
  tell(print, [{ title: "copy" }, number("answered")], rows);
  return record(seen);
}

async function tellKill({ shop, copies, print }: StoryParts): Promise<KillFacts> {
  print(
    `2. ${killed} is killed while ${1_000 / callEveryMs} calls a second go to /api/products.\n`,
  );
  const [before, away, back] = [new Tally(), new Tally(), new Tally()];
  const retriesBefore = await retriesOf(shop);
  let phase = before;
  let failed = 0;
  const calls = new Set<Promise<void>>();
  const call = async (): Promise<void> => {
    const begunIn = phase;
    const { status, servedBy } = await shop.call("partner", { path: "/api/products/4" });
    if (status !== 200) failed++;
    else if (servedBy !== killed || begunIn !== away) begunIn.add(servedBy);
    else {
      phase = back;
      back.add(servedBy);
    }
  };
  const timer = setInterval(() => {
    if (calls.size >= underWayMax) return;
    const made = call().finally(() => calls.delete(made));
    calls.add(made);
  }, callEveryMs);
  try {
    await sleep(beforeMs);
    await copies.kill(killed);
    const killedAtMs = performance.now();
    phase = away;
    while (phase === away && performance.now() - killedAtMs < backMsMax) await sleep(pollMs);
    await sleep(afterMs);
  } finally {
    clearInterval(timer);
  }
  await Promise.all(calls);
  const retries = (await retriesOf(shop)) - retriesBefore;
  const phases = { before: record(before), away: record(away), back: record(back) };
  const facts = { copy: killed, ...phases, retries, failed };
  showKill(facts, { copies, print });
  return facts;
}

function showKill(
  { before, away, back, failed, retries }: KillFacts,
  { copies, print }: Pick<StoryParts, "copies" | "print">,
): void {
  const products = copies.all.map(({ name }) => name).filter((name) => name.startsWith("products"));
  const phases = [before, away, back];
  const rows = products.map((name) => [name, ...phases.map((each) => String(each[name] ?? 0))]);
  const titles = ["before", "while it was gone", "back"];
  tell(print, [{ title: "copy" }, ...titles.map(number)], rows);
  print(`   ${failed} calls failed; ${retries} found the copy gone and were sent to another.\n`);
}

function record({ counts }: Tally): Readonly<Record<string, number>> {
  return Object.fromEntries(counts);
}

/** As the gateway's metrics say. */
async function retriesOf({ state }: Shop): Promise<number> {
  const [region] = Object.values(state.regions);
  const text = await (await fetch(`${region?.operations}/metrics`)).text();
  const values = text.matchAll(/^tallygate_upstream_retries_total\{[^}]*\} (\d+)$/gm);
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function tellLimit(parts: StoryParts, plan: "anonymous" | "starter"): Promise<LimitFacts> {
  const { shop, print } = parts;
  const who = plan === "anonymous" ? "without a key" : `with a key of plan ${plan}`;
  const number = plan === "anonymous" ? 3 : 4;
  for (let minute = 1; ; minute++) {
    const view = await shop.minute(plan);
    const leftMs = Date.parse(view.resetsAt) - Date.now();
    if (leftMs < minuteLeftMsMin) {
      await sleep(leftMs + pollMs);
      continue;
    }
    const { answered, retryAfterSeconds, signup } = await callUntilRefused(shop, plan);
    // A busy machine may have taken so long that a new minute began: its calls are counted, and prove nothing.
    const isOneMinute = (await shop.minute(plan)).resetsAt === view.resetsAt;
    if (!isOneMinute && minute < minutesMax) continue;
    print(
      `${number}. Calls ${who}: ${answered} of ${view.quota} a minute answered, then 429` +
        ` (Retry-After: ${retryAfterSeconds}${signup ? "; where to sign up" : ""}). A partner's key goes on.\n`,
    );
    await shop.call("partner", { path: "/api/users/1" });
    const { quota, remaining } = view;
    return { plan, quota, remaining, answered, retryAfterSeconds, signup };
  }
}

async function callUntilRefused(
  shop: Shop,
  plan: Plan,
): Promise<Pick<LimitFacts, "answered" | "retryAfterSeconds" | "signup">> {
  let answered = 0;
  for (let i = 0; i < callsToRefusalMax; i++) {
    const answer = await shop.call(plan, { path: "/api/products/1" });
    const { status, headers, signup } = answer;
    if (status === 429) {
      return { answered, retryAfterSeconds: Number(headers["retry-after"]), signup };
    }
    if (isShed(answer)) await sleep(pollMs);
    else answered++;
  }
  throw new Error(`of ${callsToRefusalMax} calls of plan ${plan} none was refused`);
}

async function tellCounted({ shop, print }: StoryParts): Promise<CountedFacts[]> {
  const deadlineMs = performance.now() + countedMsMax;
  let counted = await countedBy(shop);
  while (!counted.every(isExact) && performance.now() < deadlineMs) {
    await sleep(pollMs);
    counted = await countedBy(shop);
  }
  print(`5. What was counted. An order costs ${orderUnits} units, a refused call nothing.\n`);
  const columns = [{ title: "plan" }, ...["answered", "refused", "counted", "units"].map(number)];
  const rows = counted.map(({ plan, ...each }) => [
    plan,
    ...[each.answered, each.refused, each.calls, each.units].map(String),
  ]);
  tell(print, columns, rows);
  return counted;
}

function isExact({ answered, orders, calls, units }: CountedFacts): boolean {
  return calls === answered && units === answered + orders * (orderUnits - 1);
}

async function countedBy({ state, accounts }: Shop): Promise<CountedFacts[]> {
  const plane = { url: state.hub.url, token: state.token };
  const query = { by: "plan", window: "total" };
  const { rows } = await callControl<UsageJson>(plane, { path: "/v1/usage", query });
  return [...accounts].map(([plan, account]) => {
    const row = rows.find(({ value }) => value === plan);
    return { plan, ...account, calls: row?.calls ?? 0, units: row?.units ?? 0 };
  });
}

function number(title: string): { title: string; align: "right" } {
  return { title, align: "right" };
}

function tell(
  print: StoryParts["print"],
  columns: Parameters<typeof tableLines>[0],
  rows: string[][],
): void {
  for (const line of tableLines(columns, rows)) print(`   ${line}`);
  print();
}
