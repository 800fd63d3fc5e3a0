/**
 * T10: whether a reply leaves a gateway before the disk has what it answers for. Watches a running gateway through strace while
 * calls are made; each call names itself in a header that its plan counts by, so that its charge is found by that name
 * in the journal's log, and its reply by that name in the fields of the answer.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Client } from "undici";
import { until } from "./cluster.ts";
import { CallReader, descriptorOf, stringsOf, type TracedCall } from "./trace-calls.ts";

/** The plan and the handler that name each call. */
export const namedCalls = {
  plans: "named: { limits: [{ name: each, per: 'header:x-call', quota: 1000, window: month }] }",
  routes: '- { path: "/", handler: ./named.ts }',
  handler: `export default (request) => {
  const name = request.headers.get("x-call");
  return new Response("hello", { headers: { "x-named": name } });
};
`,
} as const;

const traced = "trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync";
/** Longest string that strace prints whole: more than a page of the log, and than a reply. */
const stringMax = 8_192;
const attachMsMax = 20_000;

export interface SyncOrder {
  /** Replies with status 200 that were seen on a socket. */
  readonly replies: number;
  readonly syncs: number;
  /** One line for each reply that was on its way too early. */
  readonly early: readonly string[];
}

/** Calls the gateway `pid` at `url` with a key, so many over so many connections, and checks each reply. */
export async function watchOrder(
  gateway: { readonly pid: number; readonly url: string; readonly key: string },
  load: { readonly calls: number; readonly connections: number; readonly trace: string },
): Promise<SyncOrder> {
  const { trace } = load;
  const options = ["-f", "-y", "-xx", "-s", String(stringMax), "-e", traced, "-o", trace];
  const strace = spawn("strace", [...options, "-p", String(gateway.pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(strace, "close");
  let said = "";
  strace.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await until(() => / attached/.test(said), attachMsMax, "strace to be attached");
    await callByName(gateway, load);
  } finally {
    strace.kill("SIGINT");
    await ended;
  }
  const check = new OrderCheck();
  for await (const line of createInterface({ input: createReadStream(trace) })) check.line(line);
  return check.result();
}

async function callByName(
  { url, key }: { readonly url: string; readonly key: string },
  { calls, connections }: { readonly calls: number; readonly connections: number },
): Promise<void> {
  let sent = 0;
  const caller = async (): Promise<void> => {
    const client = new Client(url);
    while (sent < calls) {
      const name = `call-${String(sent++).padStart(8, "0")}`;
      const { statusCode, body } = await client.request({
        ...{ path: "/", method: "GET", headers: { "x-api-key": key, "x-call": name } },
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`${name}: ${statusCode} ${text}`);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: connections }, caller));
}

/** Follows the calls in the order in which they returned. */
class OrderCheck {
  readonly #calls = new CallReader();
  /** By name: the line at which the write that first held its charge had returned. */
  readonly #written = new Map<string, number>();
  /** Syncs of the journal's log. */
  readonly #syncs: { readonly began: number; readonly ended: number }[] = [];
  readonly #replies: { readonly name: string; readonly began: number }[] = [];

  line(line: string): void {
    const call = this.#calls.line(line);
    if (call === undefined || call.result.startsWith("-")) return;
    const { path } = descriptorOf(call.given);
    if (path.endsWith("/journal.db-wal")) this.#onLog(call);
    else if (path.startsWith("socket:")) this.#onSocket(call);
  }

  #onLog({ name, given, began, ended }: TracedCall): void {
    if (name === "fdatasync" || name === "fsync") {
      this.#syncs.push({ began, ended });
      return;
    }
    for (const [found] of textOf(given).matchAll(/call-\d{8}/g)) {
      if (!this.#written.has(found)) this.#written.set(found, ended);
    }
  }

  #onSocket({ given, began }: TracedCall): void {
    const text = textOf(given);
    if (!text.startsWith("HTTP/1.1 200")) return;
    for (const [, name = ""] of text.matchAll(/^x-named: (call-\d{8})/gm)) {
      this.#replies.push({ name, began });
    }
  }

  /** When everything was read: the syncs of another thread may return after a reply that they do not cover. */
  result(): SyncOrder {
    const early: string[] = [];
    for (const { name, began } of this.#replies) {
      const written = this.#written.get(name);
      if (written === undefined) early.push(`${name}: replied, never written`);
      else if (written > began) early.push(`${name}: replied before it was written`);
      else if (!this.#syncs.some((sync) => sync.began >= written && sync.ended <= began)) {
        early.push(`${name}: replied before it was synced`);
      }
    }
    return { replies: this.#replies.length, syncs: this.#syncs.length, early };
  }
}

function textOf(given: string): string {
  return stringsOf(given)
    .map((bytes) => bytes.toString("latin1"))
    .join("");
}
