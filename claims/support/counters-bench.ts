import { execFileSync } from "node:child_process";

/** What one part of `bench/counters.ts` measures at a number of counters, pinned to one core as the gateway is beside its peers. */
export function countersBench<Figures>(part: "table" | "decide", counters: number): Figures {
  const program = [process.execPath, "bench/counters.ts", `--${part}`, String(counters)];
  const output = execFileSync("taskset", ["-c", "0", ...program], { encoding: "utf8" });
  return JSON.parse(output) as Figures;
}
