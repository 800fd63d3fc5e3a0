/**
 * `npm run web`: builds the pages of `web/` into `dist-web/`, if anything that goes into them has changed since.
 *
 * Starts of a checkout run it first. Two at once build twice and the later one wins: each builds into a folder of its own and
 * puts it in place by renaming.
 */

import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./checks.ts";

const target = join(root, "dist-web");
const stampName = ".stamp";

/** Of everything that the built pages are made of: their sources and the packages' versions. */
function hashOfInputs(): string {
  const files = ["package-lock.json", ...globSync("web/**/*.*", { cwd: root }).sort()];
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

function builtFrom(): string | undefined {
  try {
    return readFileSync(join(target, stampName), "utf8");
  } catch {
    return undefined;
  }
}

/** Whether it had to be built. */
export async function buildPages(): Promise<boolean> {
  const inputs = hashOfInputs();
  if (builtFrom() === inputs) return false;
  process.stderr.write("Building the pages (only needed once) …\n");
  // Loaded only where it has something to do: it takes longer to load than most starts.
  const { build } = await import("vite");
  const folder = await mkdtemp(join(root, "dist-web-"));
  try {
    await build({ configFile: join(root, "web", "vite.config.ts"), build: { outDir: folder } });
    await writeFile(join(folder, stampName), inputs);
    await chmod(folder, 0o755);
    await rm(target, { recursive: true, force: true });
    await rename(folder, target).catch((error: unknown) => {
      if (builtFrom() !== inputs) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return true;
}

if (import.meta.main) await buildPages();
