/**
 * From the presented text of a key to its slot in the key table, so that a hot key costs no SHA-256.
 *
 * Two generations of at most half the bound: when the young one is full it becomes the old one and
 * the old one is dropped, so that what was used lately stays without any order being kept. Slots are
 * never reused and a text's hash never changes, so an entry never becomes wrong: whether the key is
 * revoked or expired is read from the slot every time. Only existing keys are remembered, so
 * made-up ones cannot push them out.
 */

export interface KeyCache {
  /** The slot, or -1 if not remembered. */
  get(text: string): number;
  put(text: string, slot: number): void;
}

export function keyCache(entriesMax: number): KeyCache {
  const generationMax = Math.max(1, entriesMax >>> 1);
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  const put = (text: string, slot: number): void => {
    if (young.size >= generationMax) {
      old = young;
      young = new Map();
    }
    young.set(text, slot);
  };
  return {
    get: (text) => {
      const slot = young.get(text);
      if (slot !== undefined) return slot;
      const older = old.get(text);
      if (older === undefined) return -1;
      put(text, older);
      return older;
    },
    put,
  };
}
