/** Which of several certificates is for a name: one that has it, else one with a wildcard for it (RFC 6125 6.4.3). */

export interface NameIndex<Item> {
  /** `name` in any case, without a port. Undefined: no certificate is for it. */
  find(name: string): Item | undefined;
}

/** Of two items with one name the first is found. */
export function nameIndex<Item extends { readonly names: readonly string[] }>(
  items: readonly Item[],
): NameIndex<Item> {
  const byName = new Map<string, Item>();
  for (const item of items) {
    for (const name of item.names) if (!byName.has(name)) byName.set(name, item);
  }
  return {
    find(asked) {
      const name = asked.toLowerCase().replace(/\.$/, "");
      // "*.example.com" is no host that anybody can ask for.
      if (name.startsWith("*")) return undefined;
      const exact = byName.get(name);
      if (exact !== undefined) return exact;
      // A wildcard stands for exactly one label.
      const dot = name.indexOf(".");
      return dot <= 0 ? undefined : byName.get(`*${name.slice(dot)}`);
    },
  };
}
