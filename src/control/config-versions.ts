/** Versions of the configuration as the admin API sees them: what was applied, and how another is. */

import type { KeyAudit } from "../hub/hub-api.ts";
import type { ConfigStore, StoredConfig } from "../ports/config-store.ts";

export interface ConfigRequest {
  readonly format: "yaml" | "json" | "files";
  readonly text: string;
  readonly note: string;
  /** Id of the one that must be in force, "0": none applied. Undefined: whichever. */
  readonly over: string | undefined;
}

export interface WrongPlace {
  /** 0 where it is no place of the text. */
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

export type AppliedResult =
  | { readonly config: StoredConfig }
  /** Nothing has changed. */
  | { readonly problems: readonly WrongPlace[] };

export interface ConfigVersions extends Pick<ConfigStore, "newest" | "get" | "before"> {
  /**
   * The hub takes it, then it is stored together with its entry of the audit log, then gateways are told. As a whole or not at
   * all: what is wrong for the hub changes nothing anywhere. What is in force already is not applied again. Fails with
   * `changed-meanwhile` if it is not `over` that is in force.
   */
  apply(request: ConfigRequest, audit: KeyAudit): Promise<AppliedResult>;
}
