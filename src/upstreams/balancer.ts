/**
 * Which target a call goes to: the one with the fewest calls in progress for its weight; of equals they take turns, as
 * often as their weights say (smooth weighted round robin). A target that hangs gathers calls and gets no more.
 * Source: nginx's least_conn.
 */

import type { TargetHealth } from "./target-health.ts";

export interface Candidate {
  /** 1 to 100. */
  readonly weight: number;
  readonly health: TargetHealth;
  /** Calls in progress. */
  calls: number;
  /** Open WebSockets, which are none of the calls. */
  sockets: number;
  /** Calls in progress, at most; more are not sent there. */
  readonly callsMax: number;
  /** The turn's account; the balancer's own. */
  turn: number;
}

export interface Choice<Target extends Candidate> {
  readonly nowMs: number;
  /** Targets that have failed this call. */
  readonly tried: readonly Target[];
  /** The call cannot be sent again if it fails: no target is tried out with it while another is in service. */
  readonly isPrecious: boolean;
  /** It wants to become a WebSocket: those are spread by how many are open, calls by how many are in progress. */
  readonly isUpgrade: boolean;
}

/** Undefined: none of them may be used now. */
export function chooseTarget<Target extends Candidate>(
  targets: readonly Target[],
  choice: Choice<Target>,
): Target | undefined {
  const { nowMs } = choice;
  const trials = !choice.isPrecious || !targets.some((target) => isInService(target, choice));
  let leastLoad = Number.POSITIVE_INFINITY;
  for (const target of targets) {
    if (!isUsable(target, choice, trials)) continue;
    leastLoad = Math.min(leastLoad, loadOf(target, choice));
  }
  let chosen: Target | undefined;
  let total = 0;
  for (const target of targets) {
    if (!isUsable(target, choice, trials) || loadOf(target, choice) > leastLoad) continue;
    const weight = target.weight * target.health.share(nowMs);
    total += weight;
    target.turn += weight;
    if (chosen === undefined || target.turn > chosen.turn) chosen = target;
  }
  if (chosen !== undefined) chosen.turn -= total;
  return chosen;
}

function isInService(target: Candidate, { nowMs, tried }: Choice<Candidate>): boolean {
  return (
    target.calls < target.callsMax &&
    target.health.standing(nowMs) === "in" &&
    !tried.includes(target)
  );
}

function isUsable(target: Candidate, choice: Choice<Candidate>, trials: boolean): boolean {
  if (target.calls >= target.callsMax || choice.tried.includes(target)) return false;
  const standing = target.health.standing(choice.nowMs);
  return standing === "in" || (trials && standing === "trial");
}

function loadOf(target: Candidate, { nowMs, isUpgrade }: Choice<Candidate>): number {
  const open = isUpgrade ? target.sockets : target.calls;
  return open / (target.weight * target.health.share(nowMs));
}

/** Milliseconds until one of the targets may be tried again, where none can be used now. */
export function waitForTargetMs(targets: readonly Candidate[], nowMs: number): number | undefined {
  let least: number | undefined;
  for (const { health } of targets) {
    const waitMs = health.waitMs(nowMs);
    if (waitMs !== undefined && (least === undefined || waitMs < least)) least = waitMs;
  }
  return least;
}
