/**
 * `npm run claims [-- ID…]`: measures claims in a fresh clone of the current commit and writes
 * `docs/claims.md`. Rows of claims that were not asked for stay as they are.
 */

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import type { Claim } from "../claims/claim.ts";
import { root } from "./checks.ts";
import {
  loadClaims,
  parsePage,
  type Row,
  readMeasurement,
  renderPage,
  selectClaims,
} from "./claims-table.ts";

const page = join(root, "docs", "claims.md");

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  return `${model}, ${availableParallelism()} cores, ${type()} ${release()}, Node ${process.versions.node}`;
}

interface Ended {
  readonly output: string;
  /** Undefined: it ended by itself with exit code 0. */
  readonly failure: string | undefined;
}

/** Runs one claim in the clone as a process group of its own, so that a time-out ends all of it. */
function runClaim(claim: Claim, clone: string): Promise<Ended> {
  const child = spawn(process.execPath, ["scripts/start.js", "claim", claim.id], {
    cwd: clone,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  let output = "";
  let isLate = false;
  const endGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    endGroup();
  }, claim.minutesMax * 60_000);
  process.once("exit", endGroup);
  child.stdout.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    output = (output + chunk.toString()).slice(-100_000);
  });
  return new Promise((resolve) => {
    const finish = (failure: string | undefined): void => {
      clearTimeout(timer);
      process.removeListener("exit", endGroup);
      endGroup();
      resolve({ output, failure });
    };
    child.once("error", (error) => finish(error.message));
    child.once("close", (code, signal) => {
      if (isLate) finish(`stopped after ${claim.minutesMax} minutes`);
      else finish(code === 0 ? undefined : `ended with ${code ?? signal}`);
    });
  });
}

async function measure(claim: Claim, clone: string, commit: string): Promise<Row> {
  const { output, failure } = await runClaim(claim, clone);
  const base = { commit, date: new Date().toISOString().slice(0, 10), machine: machine() };
  // A failure is told even where a figure was printed before it: the figure cannot be trusted.
  const measured = failure ?? readMeasurement(output);
  if (typeof measured === "string") return { ...base, figure: measured, met: "NOT MET" };
  return { ...base, figure: measured.figure, met: measured.met ? "met" : "NOT MET" };
}

async function main(): Promise<void> {
  const all = await loadClaims();
  const asked = selectClaims(all, process.argv.slice(2));
  const commit = git("rev-parse", "--short=10", "HEAD");
  if (git("status", "--porcelain", "--", ".", ":!docs/claims.md") !== "") {
    console.error(`The working tree has changes; what is measured is the commit ${commit}.`);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const folder = mkdtempSync(join(tmpdir(), "tallygate-claims-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  git("clone", "--quiet", "--local", root, folder);
  git("-C", folder, "checkout", "--quiet", "--detach", commit);
  for (const claim of asked) {
    console.error(`\n== ${claim.id}: ${claim.sentence} (${claim.bar})`);
    const row = await measure(claim, folder, commit);
    // Read again each time: another run may have measured other claims meanwhile.
    const rows = parsePage(existsSync(page) ? readFileSync(page, "utf8") : "");
    writeFileSync(page, renderPage(all, rows.set(claim.id, row)));
    console.log(`${claim.id}: ${row.figure} · ${row.met} (bar ${claim.bar})`);
    if (row.met !== "met") process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
