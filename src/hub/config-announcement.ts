/** The configuration in force, as gateways are told it. */

import { type ConfigFormat, configId, type StoredConfig } from "../ports/config-store.ts";

export interface AnnouncedConfig {
  /** "": none was ever applied. */
  readonly id: string;
  readonly format: ConfigFormat;
  /** The text in UTF-8. */
  readonly bytes: Uint8Array;
}

export function announcementOf(config: StoredConfig | undefined): AnnouncedConfig {
  if (config === undefined) return { id: "", format: "files", bytes: new Uint8Array() };
  const { format, text } = config;
  return { id: configId(config), format, bytes: new TextEncoder().encode(text) };
}
