/**
 * `npm run demo`: the example IP geolocation API in three regions on this machine, a ready-made key, calls to
 * paste, and a live table of the regions on a terminal. Runs until Ctrl-C; the data folder stays for next time.
 */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { startDev } from "../src/cli/dev.ts";
import {
  addDevOptions,
  type DevCommandOptions,
  printAddresses,
  printChildLine,
} from "../src/cli/dev-command.ts";
import { print, shortMs } from "../src/cli/output.ts";
import { catchStopSignal } from "../src/cli/run-until-signal.ts";
import { installCityData } from "./demo-city.ts";
import { demoKey } from "./demo-key.ts";
import { runDemo } from "./demo-program.ts";
import { showRegions } from "./demo-table.ts";

const example = join(import.meta.dirname, "..", "examples", "ip-geolocation");

/**
 * One way, from a hub in the north-east of the United States: about half of the round trips that cloud
 * providers publish between those regions. (Frankfurt 45, Seoul 90, Sydney 100.)
 */
const latenciesDefault = new Map([
  ["sydney", 100],
  ["seoul", 90],
  ["frankfurt", 45],
]);

interface DemoOptions extends DevCommandOptions {
  readonly traffic?: boolean;
  readonly city?: boolean;
}

async function demo(given: DemoOptions): Promise<void> {
  const options = { ...given, latency: given.latency ?? latenciesDefault };
  const startedMs = performance.now();
  const stopSignal = catchStopSignal();
  if (options.city) process.env["TALLYGATE_EXAMPLE_CITY"] = installCityData(options.data);
  let show = printChildLine;
  const cluster = await startDev({
    ...options,
    config: join(example, "tallygate.yaml"),
    latencies: options.latency,
    onLine: (name, line) => show(name, line),
  });
  let isStopping = false;
  const stopped = stopSignal.arrived.then(() => {
    isStopping = true;
  });
  try {
    await Promise.race([cluster.ready, stopped]);
    if (isStopping) return;
    const state = cluster.state();
    const key = await demoKey(cluster.data, state);
    printAddresses(state, cluster.config.config, options);
    const [sydney = "", seoul = ""] = ["sydney", "seoul"].map((name) => state.regions[name]?.url);
    print(`\nkey of plan pro: ${key}\n`);
    print(`curl -i ${sydney}/8.8.8.8                                # no key: the free tier`);
    print(`curl -i -H 'x-api-key: ${key}' ${sydney}/8.8.8.8`);
    print(`curl -s -H 'x-api-key: ${key}' ${seoul}/-/usage`);
    print(`\nready in ${shortMs(performance.now() - startedMs)}; Ctrl-C stops everything\n`);
    if (options.traffic) startTraffic(cluster.data.root);
    const table = showRegions(state);
    show = table.show;
    await stopped;
    table.stop();
  } finally {
    await cluster.stop();
    stopSignal.release();
  }
}

/** Ends by itself when this process does. */
function startTraffic(data: string): void {
  const child = spawn(process.execPath, [join(example, "traffic.ts"), "--data", data], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  child.once("error", (error) => printChildLine("traffic", `error: ${error.message}`));
  // Our end of it must not keep a stopped demo running.
  child.unref();
  child.channel?.unref();
}

const program = addDevOptions(new Command("npm run demo --"))
  .description("An IP geolocation API in three regions on this machine.")
  .option("--traffic", "believable callers, so that there is something to see")
  .option("--city", "answer with cities: installs a database of 130 MB at the first time")
  .action(demo);

await runDemo(program);
