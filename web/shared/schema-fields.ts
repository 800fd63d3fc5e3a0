/** The fields of a JSON Schema, as much of it as a reader wants to know. */

import { at, entries, list, resolve, text } from "./loose-json.ts";

export interface Field {
  /** `limits[].quota` of a list's items. */
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly text: string;
}

/** Schemas within schemas. */
const depthMax = 6;
const fieldsMax = 200;

/** In order, those of objects within it behind their own; none for what is no object or list of objects. */
export function fieldsOf(document: object, schema: unknown): Field[] {
  const found: Field[] = [];
  collect({ document, found }, schema, { prefix: "", depth: 0 });
  return found;
}

interface Walk {
  readonly document: object;
  readonly found: Field[];
}

function collect(
  walk: Walk,
  schema: unknown,
  { prefix, depth }: { readonly prefix: string; readonly depth: number },
): void {
  if (depth > depthMax) return;
  const whole = withoutNull(walk.document, resolve(walk.document, schema));
  for (const part of list(at(whole, "allOf"))) collect(walk, part, { prefix, depth: depth + 1 });
  if (at(whole, "items") !== undefined) {
    collect(walk, at(whole, "items"), { prefix: `${prefix}[]`, depth: depth + 1 });
  }
  const required = list(at(whole, "required"));
  for (const [name, property] of entries(at(whole, "properties"))) {
    if (walk.found.length >= fieldsMax) return;
    const path = prefix === "" ? name : `${prefix}.${name}`;
    walk.found.push({
      name: path,
      type: typeOf(walk.document, property),
      isRequired: required.includes(name),
      text: descriptionOf(walk.document, property),
    });
    collect(walk, property, { prefix: path, depth: depth + 1 });
  }
}

/** `string`, `integer or null`, `"live", "test"`, `list of string`; "" where it is not said. */
export function typeOf(document: object, schema: unknown, depth = 0): string {
  if (depth > depthMax) return "";
  const whole = resolve(document, schema);
  const choices = list(at(whole, "enum"));
  if (choices.length > 0) return choices.map((choice) => JSON.stringify(choice)).join(", ");
  const either = [...list(at(whole, "anyOf")), ...list(at(whole, "oneOf"))];
  if (either.length > 0) {
    const types = new Set(either.map((one) => typeOf(document, one, depth + 1)));
    return [...types].filter((type) => type !== "").join(" or ");
  }
  const items = at(whole, "items");
  if (items !== undefined) return `list of ${typeOf(document, items, depth + 1) || "values"}`;
  const type = at(whole, "type");
  return Array.isArray(type) ? type.map(String).join(" or ") : text(type);
}

function descriptionOf(document: object, schema: unknown): string {
  const own = text(at(schema, "description"));
  return own === "" ? text(at(resolve(document, schema), "description")) : own;
}

/** Of `X or null`, X. */
function withoutNull(document: object, schema: unknown): unknown {
  const some = list(at(schema, "anyOf")).filter((one) => at(one, "type") !== "null");
  return some.length === 1 ? resolve(document, some[0]) : schema;
}
