/** Keys that were made on this page and not reloaded since: the server shows each once, and nothing here outlives the page. */

export interface KnownSecret {
  readonly id: string;
  readonly name: string;
  readonly key: string;
}

const known = new Map<string, KnownSecret>();

export function keepSecret({ id, name, key }: KnownSecret): void {
  known.set(id, { id, name, key });
}

/** The newest first. */
export function knownSecrets(): readonly KnownSecret[] {
  return [...known.values()].reverse();
}

export function forgetSecret(id: string): void {
  known.delete(id);
}

export function forgetSecrets(): void {
  known.clear();
}
