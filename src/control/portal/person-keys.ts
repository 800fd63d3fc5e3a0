/** A person's keys in the registry: those whose owner they are, and no others. */

import type { Context } from "hono";
import { TallygateError } from "../../base/errors.ts";
import type { CreatedKey, KeyAudit, KeyRequest, KeyView, RegistryApi } from "../../hub/hub-api.ts";
import { createdKeyJson, keyJson } from "../key-view.ts";
import type { ControlEnv } from "../problem.ts";
import type { PortalParts } from "./portal-app.ts";
import type { PersonCreatedKeyJson, PersonKeyJson } from "./portal-schemas.ts";

/** Keys of one person that are shown, revoked ones included. */
export const personKeysShown = 200;

/** All of them: no key is forgotten for being one of many. */
export function allKeysOf(registry: RegistryApi, owner: string): readonly KeyView[] {
  const all: KeyView[] = [];
  for (;;) {
    const after = all.at(-1)?.id ?? "";
    const page = registry.list({ after, limit: personKeysShown, owner });
    all.push(...page);
    if (page.length < personKeysShown) return all;
  }
}

/** The newest first, as many as are shown. */
export function keysOf(registry: RegistryApi, owner: string): readonly KeyView[] {
  const keys = registry.list({ after: "", limit: personKeysShown, owner });
  return keys.toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
}

/** Undefined: there is none with this id, or it is somebody else's. */
export function ownKey(registry: RegistryApi, owner: string, id: string): KeyView | undefined {
  const key = registry.get(id);
  return key?.owner === owner ? key : undefined;
}

export type PersonKeyDraft = Pick<KeyRequest, "name" | "mode" | "expiresAtMs" | "restrict">;

/** Fails with `request-invalid` if the person has as many as the configuration allows. */
export async function makeKey(
  c: Context<ControlEnv>,
  { context, portal }: PortalParts,
  draft: PersonKeyDraft,
): Promise<CreatedKey> {
  const { registry } = context.hub;
  const { plan, keysMax } = portal();
  const owner = c.var.person.id;
  const nowMs = context.clock.wallMs();
  const valid = allKeysOf(registry, owner).filter((key) => isValid(key, nowMs));
  if (valid.length >= keysMax) {
    const detail = `there are ${keysMax} keys, which is as many as one person may have; revoke one first`;
    throw new TallygateError("request-invalid", detail);
  }
  const audit = personAudit(c, context, "createKey", draft);
  const made = await registry.create({ ...draft, plan, owner }, audit);
  context.log.info("key created", { key: made.id, plan, person: owner, request: c.var.requestId });
  return made;
}

export function isValid({ revoked, expiresAtMs }: KeyView, nowMs: number): boolean {
  return !revoked && (expiresAtMs === 0 || expiresAtMs > nowMs);
}

/** What the audit log says: the actor is the person's id, never their address. */
export function personAudit(
  c: Context<ControlEnv>,
  { clock }: PortalParts["context"],
  action: string,
  change: unknown,
): KeyAudit {
  return {
    atMs: Math.floor(clock.wallMs()),
    actor: c.var.person.id,
    action,
    request: c.var.requestId,
    change: JSON.stringify(change),
  };
}

export function personKeyJson(key: KeyView): PersonKeyJson {
  const { owner: _, ...own } = keyJson(key);
  return own;
}

export function personCreatedKeyJson(created: CreatedKey): PersonCreatedKeyJson {
  const { owner: _, ...own } = createdKeyJson(created);
  return own;
}
