/**
 * Completes package-lock.json after `npm install`: `node scripts/complete-lock.ts [FOLDER…]`.
 *
 * Tools with native parts name one optional package per platform. npm leaves those out of the lock
 * that the registry in use does not carry (a mirror that only serves some platforms), and then
 * refuses its own lock (`npm ci`: "Missing … from lock file"). Their version and platform are known
 * from the package that asks for them, so they are written here, without a checksum.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./checks.ts";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

export interface LockFile {
  packages: Record<string, LockEntry>;
}

const platforms =
  /(?:^|[/-])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(.+)$/;
const processors = /^(arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)/;

/** The platform that a package is for, read from its name; undefined if the name tells none. */
export function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | undefined {
  const [, os, rest = ""] = platforms.exec(name) ?? [];
  const [cpu] = processors.exec(rest) ?? [];
  if (os === undefined || cpu === undefined) return undefined;
  const libc = rest.includes("musl") ? "musl" : rest.includes("gnu") ? "glibc" : undefined;
  return { os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) };
}

/** Adds what is missing to `lock` and returns the names added. Exact versions only. */
export function completeLock(lock: LockFile): string[] {
  const added: string[] = [];
  for (const asking of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(asking.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      const platform = platformOf(name);
      if (lock.packages[key] || !platform || !/^\d+\.\d+\.\d+/.test(version)) continue;
      const { os, ...rest } = platform;
      const dev = asking.dev ? { dev: true } : {};
      lock.packages[key] = { version, ...dev, optional: true, os: os ?? [], ...rest };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")),
  );
  return added;
}

if (import.meta.main) {
  const folders = process.argv.length > 2 ? process.argv.slice(2) : [".", "tools/node", "bench"];
  for (const folder of folders) {
    const file = join(root, folder, "package-lock.json");
    const lock = JSON.parse(readFileSync(file, "utf8")) as LockFile;
    const added = completeLock(lock);
    if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
    console.log(`${join(folder, "package-lock.json")}: ${added.length} packages added`);
  }
}
