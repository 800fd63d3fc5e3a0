/**
 * What a gateway does with configurations applied through the hub: it takes one as a whole or keeps what it has, and saves the
 * taken one beside its journal, so that the next start needs neither the hub nor another file.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32Text } from "../base/hash.ts";
import type { ConfigOffer, ConfigState, ConfigTaker } from "../gateway/config-offer.ts";
import type { Log } from "../ports/log.ts";
import type { ConfigFault } from "./config-reload.ts";
import { replaceFile } from "./data-folder.ts";
import { type ConfigText, checkConfigText, type LoadedConfig } from "./load-config.ts";

const fileName = "applied-config.json";

/** Characters of the sentence that tells the hub what is wrong. */
const problemLengthMax = 500;

interface SavedOffer extends ConfigOffer {
  readonly crc: number;
}

/** Undefined: none is saved, or it is damaged, and the hub will tell again. */
export function readOffer(folder: string): ConfigOffer | undefined {
  try {
    const { id, format, text, crc } = JSON.parse(
      readFileSync(join(folder, fileName), "utf8"),
    ) as SavedOffer;
    return crc === crcOf({ id, format, text }) ? { id, format, text } : undefined;
  } catch {
    return undefined;
  }
}

function saveOffer(folder: string, offer: ConfigOffer): void {
  const { id, format, text } = offer;
  const saved: SavedOffer = { id, format, text, crc: crcOf(offer) };
  replaceFile(join(folder, fileName), `${JSON.stringify(saved)}\n`);
}

function crcOf({ id, format, text }: ConfigOffer): number {
  return crc32Text(JSON.stringify([id, format, text]));
}

/** What a process starts with. */
export interface StartConfig extends LoadedConfig {
  /** In place of the file's. */
  readonly text: ConfigText | undefined;
  readonly state: ConfigState;
}

/** The applied configuration if there is one and it is right on this machine, else the file's. */
export function startConfig(loaded: LoadedConfig, offer: ConfigOffer | undefined): StartConfig {
  const state: ConfigState = { inUse: "", refused: "", problem: "" };
  if (offer === undefined) return { ...loaded, text: undefined, state };
  const text = textOf(offer);
  if (text === undefined) {
    return { ...loaded, text, state: { ...state, inUse: offer.id } };
  }
  const result = checkConfigText(text, loaded.file);
  if ("config" in result) {
    const { file } = loaded;
    return { file, config: result.config, text, state: { ...state, inUse: offer.id } };
  }
  const problem = sentenceOf(result.problems);
  return { ...loaded, text: undefined, state: { ...state, refused: offer.id, problem } };
}

/** Undefined: the process goes by its own file. */
export function textOf({
  format,
  text,
}: Pick<ConfigOffer, "format" | "text">): ConfigText | undefined {
  return format === "files" ? undefined : { format, text };
}

/** Where and what was expected. What was found there may be a secret of this machine's environment, and stays here. */
export function sentenceOf(faults: readonly Omit<ConfigFault, "message">[]): string {
  const [first] = faults;
  if (first === undefined) return "";
  const { line, path, expected } = first;
  const place = line === 0 ? path : `line ${line}, ${path}`;
  return `${place === "" ? "" : `${place}: `}expected ${expected}`.slice(0, problemLengthMax);
}

export interface TakerOptions {
  /** As of the start. */
  readonly state: ConfigState;
  /** Of the process's data. */
  readonly folder: string;
  readonly log: Log;
}

/** Takes what the hub offers, one after the other, once it is told how. */
export class OfferedConfigs implements ConfigTaker {
  readonly #options: TakerOptions;
  #state: ConfigState;
  #use: ((text: ConfigText | undefined) => Promise<readonly ConfigFault[]>) | undefined;
  /** The newest offer that is not settled. */
  #offer: ConfigOffer | undefined;
  #isTaking = false;

  constructor(options: TakerOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  state(): ConfigState {
    return this.#state;
  }

  offered(offer: ConfigOffer): void {
    this.#offer = offer;
    void this.#takeAll();
  }

  /** From here on offers are taken; what has come before is, too. */
  begin(use: (text: ConfigText | undefined) => Promise<readonly ConfigFault[]>): void {
    this.#use = use;
    void this.#takeAll();
  }

  async #takeAll(): Promise<void> {
    if (this.#isTaking || this.#use === undefined) return;
    this.#isTaking = true;
    try {
      for (let offer = this.#next(); offer !== undefined; offer = this.#next()) {
        await this.#take(offer, this.#use);
      }
    } finally {
      this.#isTaking = false;
    }
  }

  #next(): ConfigOffer | undefined {
    const offer = this.#offer;
    this.#offer = undefined;
    return offer?.id === this.#state.inUse ? undefined : offer;
  }

  async #take(
    offer: ConfigOffer,
    use: (text: ConfigText | undefined) => Promise<readonly ConfigFault[]>,
  ): Promise<void> {
    const { folder, log } = this.#options;
    try {
      const faults = await use(textOf(offer));
      if (faults.length > 0) {
        this.#state = { ...this.#state, refused: offer.id, problem: sentenceOf(faults) };
        return;
      }
      this.#state = { inUse: offer.id, refused: "", problem: "" };
      saveOffer(folder, offer);
    } catch (cause) {
      // In use or not, the next start hears of it again.
      log.error("an applied configuration could not be taken or saved", { id: offer.id }, cause);
    }
  }
}
