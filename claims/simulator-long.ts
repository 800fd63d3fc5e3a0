import { spawn } from "node:child_process";
import type { Claim, Measurement } from "./claim.ts";

const seeds = 50_000;
/** Not the seeds of the everyday suite. */
const first = 100_001;

async function measure(): Promise<Measurement> {
  const args = ["src/sim/main.ts", "--seed", `${first}`, "--seeds", `${seeds}`, "--workers", "2"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = output.trim().split("\n");
  const hash = lines.at(-1);
  return {
    figure: `${lines[0]}; ${code === 0 ? "0 violations" : lines.slice(-3, -1).join("; ")}; hash ${hash}`,
    met: code === 0,
    details: { lines },
  };
}

export const claim: Claim = {
  id: "2-simulator-long",
  sentence: "50,000 further seeds of the simulator break no invariant",
  bar: "0 violations",
  minutesMax: 300,
  measure,
};
