import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Claim, Measurement } from "./claim.ts";

const secondsMax = 360;

async function measure(): Promise<Measurement> {
  const startMs = performance.now();
  const child = spawn("npm", ["test"], { stdio: ["ignore", "pipe", "inherit"] });
  let tail = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    tail = (tail + chunk.toString()).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const seconds = Math.round((performance.now() - startMs) / 1000);
  const count = (name: string): number => Number(new RegExp(`${name} (\\d+)`).exec(tail)?.[1] ?? 0);
  const counts = `${count("pass")} tests passed, ${count("fail")} failed, ${count("skipped")} skipped`;
  return {
    figure: `${Math.floor(seconds / 60)} min ${seconds % 60} s; ${counts}`,
    met: code === 0 && seconds <= secondsMax,
    details: { seconds, exitCode: code, cores: availableParallelism() },
  };
}

export const claim: Claim = {
  id: "1-suite-time",
  sentence: "The everyday suite, `npm test`, passes from a fresh clone on two cores",
  bar: "≤ 6 min, 0 failed",
  minutesMax: 25,
  measure,
};
