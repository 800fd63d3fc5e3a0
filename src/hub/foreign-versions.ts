/**
 * What gateways have heard and this hub never said: another hub runs, or the stream has lost its end. It cannot be prevented, so it
 * is said, strict limits are fenced, and this hub speaks above it.
 */

import type { Version } from "../base/words.ts";
import type { Random } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { Log } from "../ports/log.ts";
import { nextEpoch, type Reigns } from "./epochs.ts";
import type { LeaseDesk } from "./lease-desk.ts";
import { saveEpoch, saveReigns } from "./ledger-meta.ts";
import type { Replicator } from "./replicator.ts";

const finding =
  "a gateway has heard of what this hub never said: if two hubs run, stop one; what both grant of strict limits adds up, and so does what is granted again after the usage stream has lost its end";

interface Parts {
  readonly reigns: Reigns;
  readonly replicator: Pick<Replicator, "version" | "startEpoch">;
  readonly ledger: LedgerStore;
  readonly random: Random;
  readonly log: Log;
  readonly desk: Pick<LeaseDesk, "fence">;
  readonly find: (finding: string) => void;
}

export class ForeignVersions {
  readonly #parts: Parts;
  /** One after another: what the first has noted is no news to the next. */
  #noting: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A gateway has heard of `view`. Undefined: it may be let in; else that has to wait, and fails if nothing can be stored. */
  heard(view: Version): Promise<void> | undefined {
    if (!this.#isForeign(view)) return undefined;
    const noted = this.#noting.then(() => this.#note(view));
    this.#noting = noted.catch(() => undefined);
    return noted;
  }

  #isForeign(view: Version): boolean {
    return this.#parts.reigns.isForeign(view, this.#parts.replicator.version);
  }

  async #note(view: Version): Promise<void> {
    if (!this.#isForeign(view)) return;
    const { reigns, replicator, ledger, random, log, desk, find } = this.#parts;
    const { epoch: own } = replicator.version;
    await desk.fence();
    find(finding);
    reigns.noted(view);
    // Whatever this start says may be above that version already.
    const isAbove = view.epoch < own;
    if (!isAbove) reigns.left(own);
    await saveReigns(ledger, reigns.earlier);
    if (isAbove) return;
    const epoch = nextEpoch([own, view.epoch], random.fraction());
    await saveEpoch(ledger, epoch);
    log.warn("a gateway knows of another hub's version: the hub takes a higher epoch", {
      ...{ epoch, heardEpoch: view.epoch, heardPosition: view.position },
    });
    replicator.startEpoch(epoch);
  }
}
