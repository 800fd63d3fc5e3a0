/** Every field of the configuration, a table for each group, from the JSON Schema. */

import { configJsonSchema } from "../../src/access/config-schema.ts";
import { code, table } from "./markdown.ts";

/** What of JSON Schema the configuration's uses. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
}

export function fieldTables(): string {
  const sections: string[] = [];
  addGroup(sections, "", configJsonSchema());
  return sections.join("\n\n");
}

/** A heading and a table for `group`, then those of the groups in it. */
function addGroup(sections: string[], path: string, group: Schema): void {
  const fields = Object.entries(group.properties ?? {});
  const rows = fields.map(([name, field]) => {
    const isRequired = group.required?.includes(name) === true;
    return [code(name) + (isRequired ? " *" : ""), form(field), field.description ?? ""];
  });
  sections.push(
    `### ${path === "" ? "Top level" : code(path)}`,
    table(["field", "value", "meaning"], rows),
  );
  for (const [name, field] of fields) {
    const inner = innerGroup(field);
    if (inner !== undefined) addGroup(sections, joined(path, name + inner.suffix), inner.schema);
  }
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function innerGroup(field: Schema): { schema: Schema; suffix: string } | undefined {
  if (field.properties !== undefined) return { schema: field, suffix: "" };
  const named = field.additionalProperties;
  if (typeof named === "object" && named.properties !== undefined) {
    return { schema: named, suffix: ".NAME" };
  }
  if (field.items?.properties !== undefined) return { schema: field.items, suffix: "[]" };
  return undefined;
}

function form(field: Schema): string {
  if (field.const !== undefined) return code(String(field.const));
  if (field.enum !== undefined) return field.enum.map(code).join(", ");
  if (field.anyOf !== undefined) return field.anyOf.map(form).join(" or ");
  if (field.type === "boolean") return "true or false";
  if (field.type === "integer") return `${number(field.minimum)} to ${number(field.maximum)}`;
  if (field.type === "array") {
    const { items } = field;
    const of = items?.properties === undefined ? form(items ?? {}) : "groups";
    return `list of ${number(field.minItems)} to ${number(field.maxItems)}: ${of}`;
  }
  if (field.type === "object") {
    if (field.properties !== undefined) return "group";
    const named = field.additionalProperties;
    return typeof named === "object" && named.properties === undefined
      ? `${form(named)}, by name`
      : "groups by name";
  }
  return textForm(field.pattern);
}

/** Text by the beginning of its pattern, where that says more than the word does. */
function textForm(pattern: string | undefined): string {
  if (pattern?.endsWith("(ms|s|m|h|d)$") === true) return "duration";
  if (pattern?.endsWith("TiB)$") === true) return "size";
  if (pattern?.endsWith(":([0-9]{1,5})$") === true) return "host:port";
  if (pattern?.startsWith("^https?:") === true) return "URL";
  return "text";
}

function number(value: number | undefined): string {
  if (value === Number.MAX_SAFE_INTEGER) return "2^53 − 1";
  return (value ?? 0).toLocaleString("en-US");
}
