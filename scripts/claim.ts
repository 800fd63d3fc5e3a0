/**
 * Measures one claim where it stands, and prints the measurement as the last line:
 * `node scripts/start.js claim ID`. Its output before that line goes to the terminal.
 */

import { spawn } from "node:child_process";
import type { Claim } from "../claims/claim.ts";
import { root } from "./checks.ts";
import { loadClaims } from "./claims-table.ts";

async function measure(claim: Claim): Promise<void> {
  if ("measure" in claim) {
    console.log(JSON.stringify(await claim.measure()));
    return;
  }
  const child = spawn(process.execPath, claim.command, { cwd: root, stdio: "inherit" });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

const [id] = process.argv.slice(2);
const claim = (await loadClaims()).find((candidate) => candidate.id === id);
if (!claim) throw new Error(`there is no claim ${id}`);
await measure(claim);
