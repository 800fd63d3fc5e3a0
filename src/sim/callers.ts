/** Who calls a simulated cluster, and what a call of his may be answered. */

import type { AdminKey } from "./admin.ts";

export interface Caller {
  /** Undefined: none. */
  readonly secret: string | undefined;
  readonly key: AdminKey | undefined;
  readonly address: string;
}

export function subjectOf({ key, address }: Caller): string {
  return key === undefined ? `ip:${address}` : `key:${key.id}`;
}

export function expectation({ secret, key }: Caller): "known" | "unknown" | "revoked" {
  if (secret !== undefined && key === undefined) return "unknown";
  return key?.isRevoked === true ? "revoked" : "known";
}
