/** The `PortalStore` port in the registry's file: reads on the caller's thread, writes in the registry's. */

import type { SQLOutputValue } from "node:sqlite";
import type { PortalStore } from "../../ports/portal-store.ts";
import { storedLink, storedPerson, storedSession } from "./portal-rows.ts";
import type { PortalChange, RegistryApi } from "./registry-protocol.ts";
import type { Thread } from "./thread.ts";

type Row = Record<string, SQLOutputValue>;

export interface PortalReads {
  readonly thread: Pick<Thread<RegistryApi>, "call">;
  readonly all: (sql: string, ...values: (string | number)[]) => Row[];
  /** Fails with `data-damaged`. */
  readonly damaged: () => never;
}

export function portalStore({ thread, all, damaged }: PortalReads): PortalStore {
  const one = <T>(read: (row: Row) => T | undefined, sql: string, value: string): T | undefined => {
    const row = all(sql, value)[0];
    return row === undefined ? undefined : (read(row) ?? damaged());
  };
  const write = (change: PortalChange): Promise<void> => thread.call("portal", change);
  return {
    people: () => Number(all("SELECT count(*) AS count FROM people")[0]?.["count"]),
    person: (id) => one(storedPerson, "SELECT * FROM people WHERE id = ?", id),
    personByEmail: (email) => one(storedPerson, "SELECT * FROM people WHERE email = ?", email),
    addPerson: (person) => write({ kind: "add-person", person }),
    removePerson: (id) => write({ kind: "remove-person", id }),
    link: (hash) => one(storedLink, "SELECT * FROM links WHERE hash = ?", hash),
    addLink: (link, nowMs) => write({ kind: "add-link", link, nowMs }),
    removeLink: (hash) => write({ kind: "remove-link", hash }),
    sessions: () =>
      all("SELECT * FROM sessions ORDER BY used_ms, hash").map(
        (row) => storedSession(row) ?? damaged(),
      ),
    putSession: (session) => write({ kind: "put-session", session }),
    removeSession: (hash) => write({ kind: "remove-session", hash }),
  };
}
