/** What a program does to its files, as strace saw it, in order with what it prints: whatever it says is said after what it did before. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { ensureDebian } from "../../../scripts/debian.ts";
import { CallReader, descriptorOf, stringsOf, type TracedCall } from "../trace-calls.ts";

export type DiskEvent =
  | { readonly kind: "create" | "sync" | "remove"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly length: number }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  /** A line on standard output. */
  | { readonly kind: "said"; readonly line: string };

const calls =
  "openat,pwrite64,write,ftruncate,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat";
/** Longest string that strace prints whole: far above any write of SQLite. */
const stringMax = 4 * 1024 * 1024;

/** One line if nothing can be recorded here; false if it can. */
export async function whyNotRecord(): Promise<string | false> {
  if (spawnSync("strace", ["-V"]).status === 0) return false;
  const packages = await ensureDebian(["strace"]);
  return packages.state === "unavailable" && packages.why;
}

/** Runs a program for Node to its end and returns what it did to files below `folder`, and what it said. */
export async function record(
  program: readonly string[],
  { folder, trace }: { readonly folder: string; readonly trace: string },
): Promise<DiskEvent[]> {
  const options = ["-f", "-y", "-xx", "-s", String(stringMax), "-e", `trace=${calls}`];
  const child = spawn("strace", [...options, "-o", trace, process.execPath, ...program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.resume();
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`the recorded program ended with ${code}`);
  const parser = new TraceParser(folder);
  for await (const line of createInterface({ input: createReadStream(trace) })) parser.line(line);
  return parser.events;
}

class TraceParser {
  readonly events: DiskEvent[] = [];
  readonly #folder: string;
  readonly #calls = new CallReader();
  #output = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  line(line: string): void {
    const call = this.#calls.line(line);
    if (call !== undefined) this.#call(call);
  }

  /** At the time of its return. */
  #call({ name, given, result }: TracedCall): void {
    if (result.startsWith("-")) return;
    const strings = stringsOf(given);
    const { number: descriptor, path } = descriptorOf(given);
    const [first, second] = strings;
    const numbers =
      given
        .slice(given.lastIndexOf('"') + 1)
        .match(/\d+/g)
        ?.map(Number) ?? [];
    switch (name) {
      case "openat":
        if (given.includes("O_CREAT") && first !== undefined)
          this.#note("create", first.toString());
        return;
      case "write":
        if (descriptor === "1" && first !== undefined) this.#said(first);
        return;
      case "pwrite64":
        if (first === undefined || !this.#isOurs(path)) return;
        this.events.push({ kind: "write", path, at: numbers.at(-1) ?? 0, bytes: first });
        return;
      case "ftruncate":
        if (!this.#isOurs(path)) return;
        this.events.push({ kind: "truncate", path, length: Number(/, (\d+)$/.exec(given)?.[1]) });
        return;
      case "fsync":
      case "fdatasync":
        return this.#note("sync", path);
      case "unlink":
      case "unlinkat":
        return this.#note("remove", first?.toString() ?? "");
      default:
        if (first === undefined || second === undefined || !this.#isOurs(first.toString())) return;
        this.events.push({ kind: "rename", path: first.toString(), to: second.toString() });
    }
  }

  #note(kind: "create" | "sync" | "remove", path: string): void {
    if (this.#isOurs(path)) this.events.push({ kind, path });
  }

  #isOurs(path: string): boolean {
    return path === this.#folder || path.startsWith(`${this.#folder}/`);
  }

  #said(bytes: Buffer): void {
    this.#output += bytes.toString();
    const lines = this.#output.split("\n");
    this.#output = lines.pop() ?? "";
    for (const line of lines) this.events.push({ kind: "said", line });
  }
}
