/** Applied configurations, as the API tells of them. */

export interface ConfigHead {
  readonly number: number;
  readonly at: string;
  readonly actor: string;
  readonly note: string;
  readonly format: "yaml" | "json" | "files";
  readonly characters: number;
  readonly inForce: boolean;
}

export interface ConfigVersion extends ConfigHead {
  readonly id: string;
  readonly text: string;
}

export interface ConfigVersionList {
  readonly versions: readonly ConfigHead[];
  readonly next: number | null;
}

export interface ConfigCheck {
  readonly ok: boolean;
  readonly problems: readonly {
    readonly line: number;
    readonly path: string;
    readonly found: string;
    readonly expected: string;
  }[];
  /** Parts that the hub would take only at its next start. */
  readonly waiting: readonly string[];
}
