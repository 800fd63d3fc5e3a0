/** One contender in one round: start, check the reply, warm up, load, count, stop. */

import { mkdirSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Contender, ReplyShape, Running, Setting } from "./peers/contender.ts";
import { cpuMicroseconds } from "./peers/process.ts";
import { wrk } from "./wrk.ts";

export interface Timing {
  readonly connections: number;
  readonly requestsPerSecond: number;
  /** CPU time of the system under test, with its children, over replies. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Share of its core that it used; below 0.95 something else was the bottleneck. */
  readonly utilisation: number;
}

export interface RoundPlan {
  readonly connections: readonly number[];
  /**
   * Replies before the timing starts, so that the compiler is done: fastify's proxy still gets faster
   * after its first 50,000.
   */
  readonly warmUpRequests: number;
  readonly warmUpSecondsMax: number;
  /** Turns that each contender has. */
  readonly rounds: number;
  /** Of each timing. */
  readonly seconds: number;
}

/** More failed requests than this make a timing void. */
const errorShareMax = 0.0001;

/** Fields that node adds by itself to every reply. */
const ownFields = new Set(["date", "connection", "keep-alive"]);

export async function fetchShape({ url, headers }: Running): Promise<ReplyShape> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { ...headers } }, resolve).once("error", reject);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const fields: [string, string][] = [];
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = response.rawHeaders.slice(i, i + 2);
    if (!ownFields.has(name.toLowerCase())) fields.push([name, value]);
  }
  return { status: response.statusCode ?? 0, fields, body: Buffer.concat(chunks).toString() };
}

/** Nothing is timed that does not answer what all others answer. */
async function checkReply(contender: Contender, running: Running, body: string): Promise<void> {
  const reply = await fetchShape(running);
  const type = reply.fields.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (reply.status !== 200 || reply.body !== body || !type.startsWith("application/json")) {
    throw new Error(
      `${contender.name} answers ${reply.status} ${type} ${reply.body.slice(0, 200)}`,
    );
  }
}

async function time(running: Running, connections: number, seconds: number): Promise<Timing> {
  const { url, headers, process } = running;
  const cpuBefore = cpuMicroseconds(process.pid);
  const startMs = performance.now();
  const result = await wrk({ url, headers, connections, seconds });
  const elapsedMicroseconds = (performance.now() - startMs) * 1000;
  const cpu = cpuMicroseconds(process.pid) - cpuBefore;
  if (result.requests === 0 || result.errors > result.requests * errorShareMax) {
    throw new Error(`${result.errors} of ${result.requests} requests failed`);
  }
  return {
    connections,
    requestsPerSecond: result.requestsPerSecond,
    cpuMicrosecondsPerRequest: cpu / result.requests,
    utilisation: cpu / elapsedMicroseconds,
  };
}

const warmUpStepSeconds = 2;

async function warmUp(running: Running, connections: number, plan: RoundPlan): Promise<void> {
  let requests = 0;
  for (let seconds = 0; seconds < plan.warmUpSecondsMax; seconds += warmUpStepSeconds) {
    requests += (await wrk({ ...running, connections, seconds: warmUpStepSeconds })).requests;
    if (requests >= plan.warmUpRequests) return;
  }
}

/** Runs a contender in a folder and a process of its own; whatever happens, it is stopped. */
export async function withContender<T>(
  contender: Contender,
  setting: Setting,
  work: (running: Running) => Promise<T>,
): Promise<T> {
  mkdirSync(setting.folder, { recursive: true });
  const running = await contender.start(setting);
  try {
    return await work(running);
  } finally {
    await running.stop();
  }
}

/** Timings of a contender by turn, one for each number of connections; undefined where it failed. */
export type Turns = readonly (readonly Timing[] | undefined)[];

/** A contender that is started and warmed up; `running` is undefined if it could not be. */
interface Entered {
  readonly contender: Contender;
  readonly running: Running | undefined;
  /** Of every turn so far; undefined: void. */
  readonly turns: (readonly Timing[] | undefined)[];
}

/** Starts a contender in a folder of its own, checks what it answers and warms it up. */
async function enter(contender: Contender, setting: Setting, plan: RoundPlan): Promise<Entered> {
  mkdirSync(setting.folder, { recursive: true });
  let running: Running | undefined;
  try {
    running = await contender.start(setting);
    await checkReply(contender, running, setting.shape.body);
    for (const connections of plan.connections) await warmUp(running, connections, plan);
    return { contender, running, turns: [] };
  } catch (error) {
    tellVoid(contender, error);
    await running?.stop();
    return { contender, running: undefined, turns: [] };
  }
}

/** Times an entered contender at each number of connections. */
async function takeTurn({ contender, running, turns }: Entered, plan: RoundPlan): Promise<void> {
  if (running === undefined) {
    turns.push(undefined);
    return;
  }
  try {
    const turn: Timing[] = [];
    for (const connections of plan.connections) {
      turn.push(await time(running, connections, plan.seconds));
    }
    turns.push(turn);
  } catch (error) {
    tellVoid(contender, error);
    turns.push(undefined);
  }
}

function tellVoid({ name }: Contender, error: unknown): void {
  console.log(`void: ${name}: ${error instanceof Error ? error.message : String(error)}`);
}

/**
 * Everything is started and warmed up, and then timed in short turns: a machine that is slow for some seconds is so for all. Who
 * is not timed has nothing to do.
 */
export async function runTurns(
  contenders: readonly Contender[],
  setting: Setting,
  plan: RoundPlan,
): Promise<Map<string, Turns>> {
  const entered: Entered[] = [];
  try {
    for (const [index, contender] of contenders.entries()) {
      const folder = join(setting.folder, String(index));
      entered.push(await enter(contender, { ...setting, folder }, plan));
    }
    for (let round = 0; round < plan.rounds; round++) {
      // Another first each round and every other round backwards.
      const turned = entered.map((_, i) => entered[(i + round) % entered.length] as Entered);
      for (const one of round % 2 === 0 ? turned : turned.toReversed()) await takeTurn(one, plan);
    }
  } finally {
    for (const { running } of entered) await running?.stop();
  }
  return new Map(entered.map(({ contender, turns }) => [contender.name, turns]));
}
