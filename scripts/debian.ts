/**
 * Real servers for suites and benchmarks (nginx, HAProxy, wrk), as Debian packages. Installs what
 * is missing where that can be done without asking anybody: on Debian and its kin, as root.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

export type DebianPackages =
  | { readonly state: "installed" }
  /** `why` is one line for the report of the skipped test or peer. */
  | { readonly state: "unavailable"; readonly missing: readonly string[]; readonly why: string };

/** Longest wait for apt, its lock included; the packages used here are a few megabytes. */
const aptMsMax = 300_000;
const aptLockSeconds = 120;

const aptGet = "/usr/bin/apt-get";

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function runQuietly(program: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: aptMsMax,
    // In run level 1 Debian's install scripts do not start the server that they install.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", LC_ALL: "C" },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, output: error.message }));
    child.once("close", (code) => resolve({ code, output }));
  });
}

async function missingOf(names: readonly string[]): Promise<string[]> {
  const states = await Promise.all(
    names.map((name) => runQuietly("dpkg-query", ["-W", "-f=${db:Status-Status}", name])),
  );
  return names.filter((_, index) => states[index]?.output !== "installed");
}

/** Makes sure that packages are installed. Never throws: a suite skips, loudly, with `why`. */
export async function ensureDebian(names: readonly string[]): Promise<DebianPackages> {
  const missing = await missingOf(names);
  if (missing.length === 0) return { state: "installed" };
  const unavailable = (why: string): DebianPackages => ({ state: "unavailable", missing, why });
  if (!existsSync(aptGet)) return unavailable(`${missing.join(", ")}: not installed, no apt here`);
  if (process.getuid?.() !== 0) {
    return unavailable(`${missing.join(", ")}: not installed, and only root can install them`);
  }
  const options = ["-y", "-q", "-o", `DPkg::Lock::Timeout=${aptLockSeconds}`];
  const install = [...options, "--no-install-recommends", "install", ...missing];
  const first = await runQuietly(aptGet, install);
  if (first.code !== 0) {
    // Most often the package lists are missing or old.
    await runQuietly(aptGet, [...options, "update"]);
    const second = await runQuietly(aptGet, install);
    const reason = /^E: .*$/m.exec(second.output)?.[0] ?? `apt-get ended with ${second.code}`;
    if (second.code !== 0) return unavailable(`${missing.join(", ")}: ${reason}`);
  }
  const still = await missingOf(missing);
  return still.length === 0
    ? { state: "installed" }
    : unavailable(`${still.join(", ")}: not installed`);
}
