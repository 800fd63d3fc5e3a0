/**
 * Saves the view every few seconds, so that a gateway that starts while the hub is away goes on from it. What is saved is
 * one version with its watermarks; the trimmer goes by that, never by the view in memory.
 */

import {
  compareVersions,
  type ProducerKey,
  type Seq,
  type Version,
  type WindowId,
} from "../base/words.ts";
import type { GatewayStore } from "../ports/gateway-store.ts";
import type { Log } from "../ports/log.ts";
import type { RegionView } from "./region-view.ts";

export class ViewSaver {
  readonly #store: GatewayStore;
  readonly #view: RegionView;
  readonly #log: Log;
  readonly #windows = new Set<WindowId>();
  #saving: Promise<void> | undefined;
  /** Watermarks of the view as it stands on disk. */
  saved: ReadonlyMap<ProducerKey, Seq> = new Map();
  #savedVersion: Version | undefined;

  constructor(store: GatewayStore, view: RegionView, log: Log) {
    this.#store = store;
    this.#view = view;
    this.#log = log;
  }

  /** What was loaded at the start counts as saved. */
  loaded(windows: Iterable<WindowId>): void {
    this.saved = new Map(this.#view.watermarks);
    for (const id of windows) this.#windows.add(id);
  }

  /** Saves what changed; while a save is running, waits for that one instead. */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #save(): Promise<void> {
    const view = this.#view;
    // The same position of another epoch is another history, with other watermarks.
    if (this.#savedVersion && compareVersions(view.version, this.#savedVersion) === 0) return;
    const { windows, replace } = view.takeChanges();
    const { version, asOfMs } = view;
    const watermarks = [...view.watermarks];
    if (replace) this.#windows.clear();
    for (const { window } of windows) this.#windows.add(window);
    const dropped: WindowId[] = [];
    for (const id of this.#windows) if (view.tables.get(id) === undefined) dropped.push(id);
    for (const id of dropped) this.#windows.delete(id);
    try {
      await this.#store.saveView({ version, watermarks, asOfMs, windows, dropped, replace });
      this.saved = new Map(watermarks);
      this.#savedVersion = version;
    } catch (cause) {
      view.saveAll();
      this.#log.error("the view could not be saved; trying again", {}, cause);
    }
  }
}
