/** This gateway's copy of the public status, which it goes on serving when the hub is down, and after a restart without it. */

import type { EpochMs } from "../base/words.ts";
import type { GatewayStore } from "../ports/gateway-store.ts";
import type { Log } from "../ports/log.ts";
import { servedStatus, statusDocumentMaxBytes } from "../status/public-status.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });
const toBytes = new TextEncoder();

/** A body is made at most this often, ms: everybody may ask, and it is long. So much too small its `ageMs` can be. */
const bodyMsMax = 200;

export interface StatusCopyParts {
  readonly region: string;
  readonly store: Pick<GatewayStore, "loadStatus" | "saveStatus">;
  readonly log: Log;
}

export class StatusCopy {
  readonly #parts: StatusCopyParts;
  #text = "";
  /** Hub time at which the copy was the newest. */
  #asOfMs: EpochMs = 0;
  #isSaving = false;
  #isChanged = false;
  #body: { readonly bytes: Uint8Array; readonly atMs: EpochMs } | undefined;

  constructor(parts: StatusCopyParts) {
    this.#parts = parts;
  }

  /** What an earlier start has saved. */
  async load(): Promise<void> {
    const saved = await this.#parts.store.loadStatus();
    if (saved === undefined || this.#text !== "") return;
    this.#text = saved.text;
    this.#asOfMs = saved.asOfMs;
  }

  /** A document from the hub. One that is none is left aside. */
  take(payload: Uint8Array, hubTimeMs: EpochMs): void {
    const text = textOf(payload);
    if (text === undefined) {
      this.#parts.log.warn("a public status of the hub was refused", { bytes: payload.length });
      return;
    }
    this.#text = text;
    this.#asOfMs = hubTimeMs;
    this.#isChanged = true;
    this.#body = undefined;
    void this.#save();
  }

  /** The hub was heard: what it sent last is the newest that there is. */
  confirmed(hubTimeMs: EpochMs): void {
    this.#asOfMs = Math.max(this.#asOfMs, hubTimeMs);
  }

  /** The body of `/-/status`, not to be changed; undefined: the hub has never sent one. */
  body(nowMs: EpochMs): Uint8Array | undefined {
    if (this.#text === "") return undefined;
    if (this.#body === undefined || Math.abs(nowMs - this.#body.atMs) >= bodyMsMax) {
      const from = { region: this.#parts.region, ageMs: nowMs - this.#asOfMs };
      this.#body = { bytes: toBytes.encode(servedStatus(this.#text, from)), atMs: nowMs };
    }
    return this.#body.bytes;
  }

  /** One at a time; what came meanwhile is saved after it. */
  async #save(): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    try {
      while (this.#isChanged) {
        this.#isChanged = false;
        await this.#parts.store.saveStatus({ text: this.#text, asOfMs: this.#asOfMs });
      }
    } catch (cause) {
      this.#parts.log.error("the public status could not be saved", {}, cause);
    } finally {
      this.#isSaving = false;
    }
  }
}

/** Undefined unless it is a JSON object within the bound. */
function textOf(payload: Uint8Array): string | undefined {
  if (payload.length > statusDocumentMaxBytes) return undefined;
  try {
    const text = utf8.decode(payload);
    return text.startsWith("{") && text.length > 2 && isObject(JSON.parse(text)) ? text : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
