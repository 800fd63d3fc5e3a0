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

export function runContender(
  contender: Contender,
  setting: Setting,
  plan: RoundPlan,
): Promise<Timing[]> {
  return withContender(contender, setting, async (running) => {
    await checkReply(contender, running, setting.shape.body);
    const [most = 1] = plan.connections;
    await warmUp(running, most, plan);
    const timings: Timing[] = [];
    for (const connections of plan.connections) {
      timings.push(await time(running, connections, plan.seconds));
    }
    return timings;
  });
}

/** A folder for each start, so that none finds what another left. */
export function folderFor(base: string, round: number, index: number): string {
  return join(base, `round-${round}-${index}`);
}
