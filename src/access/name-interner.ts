/** Small numbers for the few names that many records repeat, found without making strings. */

export interface NameInterner {
  /** In order of first sight; an index never changes its name. */
  readonly names: readonly string[];
  /** The index of the ASCII name in bytes [from, to), made if new; -1 if there are too many. */
  intern(bytes: Uint8Array, from: number, to: number): number;
}

/** Lately seen names by a hash of their bytes, in front of the map; a collision only costs time. */
const recentNames = 256;

export function nameInterner(namesMax: number): NameInterner {
  const names: string[] = [];
  const indexes = new Map<string, number>();
  const recent = new Int32Array(recentNames).fill(-1);

  function isName(name: string, bytes: Uint8Array, from: number, to: number): boolean {
    if (name.length !== to - from) return false;
    for (let i = 0; i < name.length; i++) {
      if (name.charCodeAt(i) !== bytes[from + i]) return false;
    }
    return true;
  }

  return {
    names,
    intern: (bytes, from, to) => {
      let hash = 0;
      for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
      const place = (hash ^ (hash >>> 8)) & (recentNames - 1);
      const guess = recent[place] as number;
      if (guess >= 0 && isName(names[guess] as string, bytes, from, to)) return guess;
      const name = String.fromCharCode(...bytes.subarray(from, to));
      let index = indexes.get(name);
      if (index === undefined) {
        if (names.length >= namesMax) return -1;
        index = names.push(name) - 1;
        indexes.set(name, index);
      }
      recent[place] = index;
      return index;
    },
  };
}
