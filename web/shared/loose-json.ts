/** Reads of JSON of which nothing is certain, and its references (RFC 6901) to other places of the same document. */

type Json = Readonly<Record<string, unknown>>;

/** References that lead to references. */
const referencesMax = 10;

export function resolve(document: object, value: unknown): unknown {
  let found = value;
  for (let i = 0; i < referencesMax; i++) {
    const reference = at(found, "$ref");
    if (typeof reference !== "string") return found;
    if (!reference.startsWith("#/")) return undefined;
    found = reference
      .slice(2)
      .split("/")
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce<unknown>(at, document);
  }
  return undefined;
}

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

export function at(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function entries(value: unknown): [string, unknown][] {
  return Object.entries(record(value));
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
