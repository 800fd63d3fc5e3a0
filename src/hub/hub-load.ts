/** The hub's start: what its files hold, folded to the end of the stream. */

import type { Position } from "../base/words.ts";
import type { FoldCheckpoint } from "../ports/ledger-store.ts";
import { foldToEnd } from "./consumer.ts";
import { nextEpoch, type Reign, Reigns } from "./epochs.ts";
import type { HubDeps } from "./hub-options.ts";
import type { Cluster } from "./hub-parts.ts";
import { HubState } from "./hub-state.ts";
import {
  type BackupCoverage,
  isRestored,
  loadBackup,
  loadCluster,
  loadEpoch,
  loadReigns,
  saveEpoch,
  saveReigns,
} from "./ledger-meta.ts";
import { Sealer } from "./sealer.ts";

export interface LoadedHub {
  readonly cluster: Cluster;
  readonly state: HubState;
  /** Of this start. */
  readonly epoch: number;
  readonly reigns: Reigns;
  readonly saved: FoldCheckpoint;
  readonly sealer: Sealer;
  readonly backup: BackupCoverage | undefined;
  readonly isRestored: boolean;
  readonly findings: readonly string[];
}

export async function loadHub(deps: HubDeps): Promise<LoadedHub> {
  const { ledger, random, stream } = deps;
  const findings: string[] = [];
  const cluster = await loadCluster(ledger, random);
  const state = new HubState();
  const loaded = await state.load(ledger);
  for (const { window, subject } of loaded?.damaged ?? []) {
    findings.push(`the ledger's total of ${subject} in ${window} is damaged; use replay`);
  }
  const saved = state.checkpoint(loaded?.version.epoch ?? 0);
  const sealer = new Sealer(ledger, stream, deps.sealed);
  await sealer.load();
  const restored = await isRestored(ledger);
  await foldToEnd(deps, state, (position, reason) => findings.push(damagedText(position, reason)));
  if (deps.clock.wallMs() < state.horizonMs) {
    const until = new Date(state.horizonMs).toISOString();
    findings.push(
      `this machine's clock is behind an earlier start of the hub, which dropped the totals of windows that end before ${until}: limits over such windows are not shared until then`,
    );
  }
  const backup = await loadBackup(ledger);
  const { epoch, reigns } = await beginReign(deps, {
    ...{ state, restored },
    savedEpoch: loaded?.version.epoch ?? 0,
  });
  return { cluster, state, epoch, reigns, saved, sealer, backup, isRestored: restored, findings };
}

/** Takes the epoch of this start, once nothing else can fail: an earlier one that was never published would hide who did publish. */
async function beginReign(
  { ledger, random }: Pick<HubDeps, "ledger" | "random">,
  at: { state: HubState; savedEpoch: number; restored: boolean },
): Promise<{ epoch: number; reigns: Reigns }> {
  const { state, savedEpoch, restored } = at;
  const known = Math.max(await loadEpoch(ledger), savedEpoch);
  const last: Reign[] = known === 0 ? [] : [{ epoch: known, end: state.position }];
  const before = restored ? [] : [...(await loadReigns(ledger)), ...last];
  const reigns = new Reigns({ before, isRestored: restored });
  await saveReigns(ledger, reigns.earlier);
  const epoch = nextEpoch([known], random.fraction());
  await saveEpoch(ledger, epoch);
  return { epoch, reigns };
}

/** A finding for status. */
export function damagedText(position: Position, reason: string): string {
  return `record ${position} of the usage stream is damaged (${reason}) and was left out; run verify`;
}
