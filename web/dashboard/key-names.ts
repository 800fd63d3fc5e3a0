/** Names of keys by their ids, asked for once each. */

import { useEffect, useState } from "preact/hooks";
import type { KeyJson } from "../../src/control/schemas.ts";
import { api } from "../shared/api.ts";

export interface KeyName {
  readonly name: string;
  readonly owner: string;
}

/** Kept at most; beyond it all are forgotten and asked for again. */
const keptMax = 1_000;

const known = new Map<string, KeyName>();
const asked = new Set<string>();

/** Those known so far, by id; the others come. */
export function useKeyNames(ids: readonly string[]): ReadonlyMap<string, KeyName> {
  const [, setRound] = useState(0);
  const wanted = ids.filter((id) => id.startsWith("k_")).join(" ");
  useEffect(() => {
    let isGone = false;
    for (const id of wanted.split(" ")) {
      if (id === "" || asked.has(id)) continue;
      if (known.size >= keptMax) {
        known.clear();
        asked.clear();
      }
      asked.add(id);
      api<KeyJson>(`/v1/keys/${encodeURIComponent(id)}`).then(
        ({ name, owner }) => {
          known.set(id, { name, owner });
          if (!isGone) setRound((round) => round + 1);
        },
        // A key that cannot be read keeps its id for a name.
        () => asked.delete(id),
      );
    }
    return () => {
      isGone = true;
    };
  }, [wanted]);
  return known;
}
