/** A person as their own page shows them. */

import type { StoredPerson } from "../../ports/portal-store.ts";
import { csrfTokenOf } from "../sessions.ts";
import type { PersonJson } from "./portal-schemas.ts";

export function personJson(
  { email, id, createdAtMs }: StoredPerson,
  sessionId: string,
): PersonJson {
  const since = new Date(createdAtMs).toISOString();
  return { email, id, since, csrfToken: csrfTokenOf(sessionId) };
}
