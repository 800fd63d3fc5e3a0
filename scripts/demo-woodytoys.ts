/**
 * `npm run demo:woodytoys`: the shop of examples/woodytoys on this machine, three services in several copies behind one gateway.
 * Tells its story from real calls, then runs until Ctrl-C for calls of your own. `--once` ends after the story: 0 if all came true.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { type DevCluster, startDev } from "../src/cli/dev.ts";
import { basePortDefault, printAddresses, printChildLine } from "../src/cli/dev-command.ts";
import { waitForFreePorts } from "../src/cli/free-ports.ts";
import { loadConfig } from "../src/cli/load-config.ts";
import { parsePort } from "../src/cli/option-values.ts";
import { print, printJson, shortMs } from "../src/cli/output.ts";
import { catchStopSignal } from "../src/cli/run-until-signal.ts";
import { runDemo } from "./demo-program.ts";
import { Copies } from "./woodytoys/copies.ts";
import { Shop } from "./woodytoys/shop.ts";
import { tellStory } from "./woodytoys/story.ts";

const example = join(import.meta.dirname, "..", "examples", "woodytoys");

interface WoodytoysOptions {
  readonly data?: string;
  readonly basePort: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

async function demo(options: WoodytoysOptions): Promise<void> {
  const { basePort } = options;
  const startedMs = performance.now();
  const stopSignal = catchStopSignal();
  let isStopping = false;
  const stopped = stopSignal.arrived.then(() => {
    isStopping = true;
  });
  const data = resolve(options.data ?? mkdtempSync(join(tmpdir(), "tallygate-woodytoys-")));
  let copies: Copies | undefined;
  let cluster: DevCluster | undefined;
  try {
    const { file, config } = await loadConfig(configOn(basePort, data));
    const { upstreams } = config;
    await waitForFreePorts(upstreams.flatMap(({ targets }) => targets.map(({ url }) => url)));
    copies = await Copies.start({ folder: example, data, upstreams, onLine: printChildLine });
    const latencies = new Map<string, number>();
    cluster = await startDev({ config: file, data, basePort, latencies, onLine: printChildLine });
    await Promise.race([cluster.ready, stopped]);
    if (isStopping) return;
    if (!options.json) {
      printAddresses(cluster.state(), config, { data });
      print(`\nready in ${shortMs(performance.now() - startedMs)}\n`);
    }
    const shop = await Shop.open(cluster.state());
    const story = storyOf(shop, copies, options.json === true);
    const hasEnded = await Promise.race([story.then(() => true), stopped]);
    if (hasEnded === true && options.once !== true) {
      invite(shop, copies, data);
      await stopped;
    }
    shop.close();
  } finally {
    await Promise.all([copies?.stop(), cluster?.stop()]);
    if (options.data === undefined) rmSync(data, { recursive: true, force: true });
    stopSignal.release();
  }
}

async function storyOf(shop: Shop, copies: Copies, isJson: boolean): Promise<void> {
  // Of a document the story is no part.
  const tell = isJson ? (line = "") => void process.stderr.write(`${line}\n`) : print;
  const facts = await tellStory({ shop, copies, print: tell });
  if (isJson) printJson(facts);
  if (facts.isTrue) tell("All of it came true: no call failed, every call is counted once.");
  else tell("Not all of it came true: see the figures above.");
  if (!facts.isTrue) process.exitCode = 1;
}

/** What to try next, ready to paste. */
function invite({ url, keys }: Shop, copies: Copies, data: string): void {
  const key = `-H 'x-api-key: ${keys.get("partner")}'`;
  const pid = copies.all.find(({ name }) => name === "users-1")?.pid;
  const calls = [
    [`curl -i ${key} ${url}/api/products/4`, "x-served-by tells which copy"],
    [`curl -s ${key} -d '{"user":3,"product":1}' ${url}/api/orders`, "an order, 5 units"],
    [`curl -s ${key} ${url}/-/usage`, "what the key has used"],
    [`curl -i ${url}/api/users/3`, "no key: 30 a minute, used up just now"],
    [`kill -9 ${pid}`, "users-1: nobody will miss it"],
    [`npm run -s tallygate -- usage --by route --data ${data}`, "what was counted"],
  ];
  print("\nYour turn, in another terminal:\n");
  for (const [line, why] of calls) print(`${line}   # ${why}`);
  print("\nCtrl-C stops everything\n");
}

/** The example's configuration; on another base port than the default all its ports move along. */
function configOn(basePort: number, data: string): string {
  const file = join(example, "tallygate.yaml");
  if (basePort === basePortDefault) return file;
  const moved = readFileSync(file, "utf8").replace(
    /\b127\.0\.0\.1:(\d+)\b/g,
    (_, port: string) => `127.0.0.1:${Number(port) - basePortDefault + basePort}`,
  );
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const copy = join(data, "tallygate.yaml");
  writeFileSync(copy, moved);
  return copy;
}

const program = new Command("npm run demo:woodytoys --")
  .description("A shop of three services, several copies each, behind one gateway on this machine.")
  .option("--data <dir>", "data folder; default: a new one, removed at the end")
  .option(
    "--base-port <n>",
    "hub on N, gateway on N+1, copies from N+11 on",
    parsePort,
    basePortDefault,
  )
  .option("--once", "end after the story; exit code 0 if all of it came true")
  .option("--json", "print the story's facts as one JSON document, for programs")
  .action(demo);

await runDemo(program);
