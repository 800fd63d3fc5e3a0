import { spawn } from "node:child_process";
import type { Measurement } from "../claim.ts";

/** Lines of node's summary, which are no figures. */
const summary = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/** A claim that is a test in its long form: met if all pass; the figure is what the tests print. */
export async function measureTests(file: string, name?: string): Promise<Measurement> {
  const chosen = name === undefined ? [] : [`--test-name-pattern=${name}`];
  const child = spawn(
    process.execPath,
    ["--test", "--test-reporter=spec", "--test-timeout=1200000", ...chosen, file],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TALLYGATE_LONG: "1" } },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = output.split("\n").map((line) => line.trim());
  const told = lines.filter((line) => line.startsWith("ℹ ") && !summary.test(line));
  const count = (what: string): number =>
    Number(lines.find((line) => line.startsWith(`ℹ ${what} `))?.slice(`ℹ ${what} `.length) ?? 0);
  const counts = `${count("pass")} tests passed, ${count("fail")} failed`;
  return {
    figure: [...told.map((line) => line.slice(2)), counts].join("; "),
    met: code === 0 && count("pass") > 0,
  };
}
