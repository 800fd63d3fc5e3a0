/** A file system of 16 MB for a folder, which a test fills to the last block. */

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const megabytes = 16;
const blockBytes = 4_096;

export class SmallDisk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** On `folder`, which is made; or why there is none. */
  static mount(folder: string): SmallDisk | string {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const options = ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", folder];
    try {
      execFileSync("mount", options, { stdio: "pipe" });
      return new SmallDisk(folder);
    } catch {
      return "mounting a file system needs Linux and root";
    }
  }

  get #ballast(): string {
    return join(this.#folder, "ballast");
  }

  /** Zeros until nothing more can be written. */
  fill(): void {
    for (let bytes = megabytes * 1024 * 1024; bytes >= blockBytes; bytes /= 2) {
      try {
        for (;;) writeFileSync(this.#ballast, new Uint8Array(bytes), { flag: "a" });
      } catch {
        // Smaller pieces fill what is left.
      }
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Also while files on it are open. */
  unmount(): void {
    execFileSync("umount", ["-l", this.#folder], { stdio: "pipe" });
  }
}
