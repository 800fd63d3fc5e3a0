/** Takes crash images out of a recording, lets each recover, and tells what was found. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type SeededRandom, seededRandom } from "../../../src/base/random.ts";
import { type Image, RecordedDisk } from "./disk-images.ts";
import type { DiskEvent } from "./system-calls.ts";

export type Crash = "killed" | "powerless";

/** A sentence if the image does not hold what it must, given all that was said before; undefined if it does. */
export type Check = (
  folder: string,
  said: readonly string[],
  crash: Crash,
) => string | undefined | Promise<string | undefined>;

export interface Explored {
  readonly images: number;
  readonly killed: number;
  /** The first ones, each with the event after which it was taken. */
  readonly wrong: readonly string[];
}

/** Where images are written: in memory where there is such a folder. */
export interface Options {
  readonly folder: string;
  readonly images: number;
  readonly seed: number;
}

const killedShare = 0.2;
const wrongMax = 5;

export async function explore(
  events: readonly DiskEvent[],
  { folder, images, seed }: Options,
  check: Check,
): Promise<Explored> {
  const random = seededRandom(seed);
  const moments = Array.from({ length: images }, () => random.below(events.length + 1));
  moments.sort((a, b) => a - b);
  const disk = new RecordedDisk();
  const said: string[] = [];
  const result = { images: 0, killed: 0, wrong: [] as string[] };
  let at = 0;
  for (const moment of moments) {
    for (; at < moment; at++) {
      const event = events[at] as DiskEvent;
      if (event.kind === "said") said.push(event.line);
      else disk.apply(event);
    }
    const crash: Crash = random.next() < killedShare ? "killed" : "powerless";
    write(folder, crash === "killed" ? disk.killed() : disk.powerless(random, drawn(random)));
    result.images++;
    if (crash === "killed") result.killed++;
    try {
      const problem = await check(folder, said, crash);
      if (problem !== undefined) result.wrong.push(`event ${at}, ${crash}: ${problem}`);
    } catch (error) {
      // Nothing that a power loss does to an honest disk may be refused.
      result.wrong.push(`event ${at}, ${crash}: ${String(error)}`);
    }
    if (result.wrong.length >= wrongMax) break;
  }
  return result;
}

/** Nothing, everything, or some of what was not synced. */
function drawn(random: SeededRandom): { share: number; torn: number } {
  const kind = random.below(6);
  if (kind === 0) return { share: 0, torn: 0 };
  if (kind === 1) return { share: 1, torn: 0 };
  return { share: [0.2, 0.5, 0.8, 0.95][kind - 2] ?? 0.5, torn: random.next() < 0.5 ? 0.3 : 0 };
}

function write(folder: string, image: Image): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of image) {
    // The index of the log is rebuilt by whoever opens the file first.
    if (!name.endsWith("-shm")) writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
}
