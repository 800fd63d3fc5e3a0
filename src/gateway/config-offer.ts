/** Configurations that the hub offers over the link: what the process that runs the gateway does with them. */

import type { ConfigFormat } from "../ports/config-store.ts";

export interface ConfigOffer {
  /** As the hub calls it. */
  readonly id: string;
  readonly format: ConfigFormat;
  readonly text: string;
}

/** Told to the hub with every heartbeat. */
export interface ConfigState {
  /** Id of the offer that the process runs with; "": its file. */
  readonly inUse: string;
  /** Id of the newest offer if it was refused, and why; "" both: it was not. */
  readonly refused: string;
  readonly problem: string;
}

export interface ConfigTaker {
  state(): ConfigState;
  /** May be called again with what is in use. Never throws. */
  offered(offer: ConfigOffer): void;
}

const utf8 = new TextDecoder();

/** Of a message of the link. */
export function offerOf(
  { id, format }: Pick<ConfigOffer, "id" | "format">,
  payload: Uint8Array,
): ConfigOffer {
  return { id, format, text: utf8.decode(payload) };
}
