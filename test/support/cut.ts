/** Ways to part gateways from the hub for a while: on the network, or by stopping processes in their tracks. */

import { setTimeout as sleep } from "node:timers/promises";
import { regionNames } from "./configs.ts";
import type { FarFleet } from "./far-fleet.ts";
import type { Direction } from "./fault-pipe.ts";

export type CutKind =
  /** Links that deliver nothing one way, or both ways. */
  | Direction
  | "both"
  /** Both ways, on and off. */
  | "flapping"
  /** Both ways, and the connection of before is never heard of again. */
  | "half-open"
  /** Both ways, after a RST. */
  | "reset"
  /** SIGSTOP to gateways, then SIGCONT. */
  | "stopped"
  | "hub-stopped"
  /** Both; the gateways go on first, and do without the hub for the last third. */
  | "stopped-with-hub";

export interface Cut {
  readonly kind: CutKind;
  readonly regions: readonly string[];
  readonly cutMs: number;
}

/** `performance.now()`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Of a flapping link, down as long as up. */
const flapMs = 100;

/** Regions that hear nothing new of the hub from beginning to end. */
export function cutOffRegions({ kind, regions }: Cut): readonly string[] {
  if (kind === "flapping" || kind === "stopped") return [];
  return kind === "hub-stopped" || kind === "stopped-with-hub" ? regionNames : regions;
}

/** Parts them, heals it, and tells when. */
export async function cutOff(far: FarFleet, cut: Cut): Promise<Span> {
  const fromMs = performance.now();
  try {
    await disturb(far, cut);
  } finally {
    for (const link of far.links) link.heal();
    for (const name of ["hub", ...regionNames]) far.fleet.signal(name, "SIGCONT");
  }
  return { fromMs, toMs: performance.now() };
}

async function disturb(far: FarFleet, { kind, regions, cutMs }: Cut): Promise<void> {
  const links = regions.map((region) => far.link(region));
  const stall = (directions: readonly Direction[], isStalled: boolean): void => {
    for (const link of links) link.set(directions, { isStalled });
  };
  const signal = (names: readonly string[], what: "SIGSTOP" | "SIGCONT"): void => {
    for (const name of names) far.fleet.signal(name, what);
  };
  switch (kind) {
    case "flapping": {
      const untilMs = performance.now() + cutMs;
      for (let isDown = true; performance.now() < untilMs; isDown = !isDown) {
        stall(["up", "down"], isDown);
        await sleep(flapMs);
      }
      return;
    }
    case "stopped":
      signal(regions, "SIGSTOP");
      return sleep(cutMs);
    case "hub-stopped":
      signal(["hub"], "SIGSTOP");
      return sleep(cutMs);
    case "stopped-with-hub":
      signal(["hub", ...regions], "SIGSTOP");
      await sleep((2 * cutMs) / 3);
      signal(regions, "SIGCONT");
      return sleep(cutMs / 3);
    case "up":
    case "down":
      stall([kind], true);
      return sleep(cutMs);
    default:
      stall(["up", "down"], true);
      if (kind === "half-open") for (const link of links) link.forget();
      if (kind === "reset") for (const link of links) link.reset();
      return sleep(cutMs);
  }
}
