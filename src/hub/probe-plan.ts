/** Which process probes for its region, and which regions it asks where. Pure. */

import { probeTargetsMax } from "../ports/link.ts";
import { type ProbeTarget } from "../status/probe.ts";

/** A region as the configuration names it. */
export interface ProbedRegion {
  readonly name: string;
  /** Origin of its public door; "": what its gateways listen on, if that is one address. */
  readonly url: string;
  readonly isTls: boolean;
  /** Host that the configuration lets it listen on. */
  readonly host: string;
}

/** A connected gateway process. */
export interface ProbeGateway {
  readonly region: string;
  readonly process: number;
  /** What it says that it listens on: `127.0.0.1:8081`. */
  readonly listen: string;
  readonly isHeard: boolean;
}

/**
 * The process of each region that is to ask: the first of those that are heard. A gateway that is only slow keeps the task, so that
 * it does not go to and fro.
 */
export function probersOf<G extends ProbeGateway>(gateways: readonly G[]): Map<string, G> {
  const probers = new Map<string, G>();
  for (const gateway of gateways) {
    const known = probers.get(gateway.region);
    if (known === undefined || rank(gateway) < rank(known)) probers.set(gateway.region, gateway);
  }
  return probers;
}

function rank({ isHeard, process }: ProbeGateway): number {
  return (isHeard ? 0 : 1e6) + process;
}

/** What one region asks: those that follow it in the file, around its end, up to `probeTargetsMax`. */
export function targetsOf(
  region: string,
  regions: readonly ProbedRegion[],
  gateways: readonly ProbeGateway[],
): ProbeTarget[] {
  const at = regions.findIndex(({ name }) => name === region);
  const others = [...regions.slice(at + 1), ...regions.slice(0, Math.max(0, at))];
  return others.slice(0, probeTargetsMax).flatMap((other) => {
    const url = other.url === "" ? urlOf(other, gateways) : other.url;
    return url === "" ? [] : { region: other.name, url };
  });
}

/**
 * Where a region listens, if that is an address and not all of a machine's. A gateway is believed only where it says what the
 * configuration says, or this machine: what it makes up is never asked.
 */
function urlOf(region: ProbedRegion, gateways: readonly ProbeGateway[]): string {
  const gateway = gateways.find((one) => one.region === region.name);
  const match = /^(\[[0-9a-f:.]+\]|[0-9.]+):(\d{1,5})$/i.exec(gateway?.listen ?? "");
  if (match === null) return "";
  const [, host = "", port = ""] = match;
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "0.0.0.0" || bare === "::") return "";
  const isOwn = bare === region.host || /^127\.|^::1$/.test(bare);
  return isOwn ? `${region.isTls ? "https" : "http"}://${host}:${port}` : "";
}
