/** Keys between the hub's form and the admin API's. */

import type { z } from "@hono/zod-openapi";
import type { CreatedKey, KeyView, Restrictions } from "../hub/hub-api.ts";
import type { CreatedKeyJson, KeyJson, restrictionsSchema } from "./schemas.ts";

/** 0 is how the hub says never. */
export function instantOrNull(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}

export function instantMs(text: string | null): number {
  return text === null ? 0 : Date.parse(text);
}

export function keyJson(key: KeyView): KeyJson {
  return {
    id: key.id,
    plan: key.plan,
    name: key.name,
    owner: key.owner,
    createdAt: new Date(key.createdAtMs).toISOString(),
    expiresAt: instantOrNull(key.expiresAtMs),
    revoked: key.revoked,
    restrict: restrictionsOver(key.restrict, {}),
    version: key.version,
    credentials: key.credentials.map((credential) => ({
      id: credential.id,
      createdAt: new Date(credential.createdAtMs).toISOString(),
      expiresAt: instantOrNull(credential.expiresAtMs),
      revoked: credential.revoked,
    })),
  };
}

export function createdKeyJson(created: CreatedKey): CreatedKeyJson {
  const { id, ...rest } = keyJson(created);
  return { id, key: created.key, ...rest };
}

type RestrictionsJson = z.infer<typeof restrictionsSchema>;

/** `change`'s lists, and those of `present` where it has none. */
export function restrictionsOver(
  present: Restrictions,
  change: { [list in keyof RestrictionsJson]?: string[] | undefined },
): RestrictionsJson {
  return {
    referers: [...(change.referers ?? present.referers)],
    addresses: [...(change.addresses ?? present.addresses)],
    routes: [...(change.routes ?? present.routes)],
  };
}

/** The ETag of a key's version (RFC 9110, strong). */
export function keyTag(key: { readonly version: number }): string {
  return `"${key.version}"`;
}

/** Whether an `If-Match` field allows a change of the key; without the field everything is allowed. */
export function matchesTag(
  ifMatch: string | undefined,
  key: { readonly version: number },
): boolean {
  if (ifMatch === undefined || ifMatch.trim() === "*") return true;
  return ifMatch.split(",").some((tag) => tag.trim() === keyTag(key));
}
