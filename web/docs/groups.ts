/** Operations by what they are about: the first word of their path behind the version. */

import type { Operation } from "../shared/operations.ts";

export interface Group {
  readonly name: string;
  readonly operations: readonly Operation[];
}

export function groupsOf(operations: readonly Operation[]): Group[] {
  const groups = Map.groupBy(operations, ({ path }) => groupOf(path));
  return [...groups].map(([name, of]) => ({ name, operations: of }));
}

function groupOf(path: string): string {
  const [first = "", second = ""] = path.split("/").filter((part) => part !== "");
  const name = /^v\d+$/.test(first) ? second : first;
  return name.replace(/\..*$/, "");
}

/** Where an operation stands on the page. */
export function placeOf({ id, method, path }: Operation): string {
  return id === "" ? `${method}${path.replaceAll(/[^a-zA-Z0-9]+/g, "-")}` : id;
}

/** A call of it with curl; in braces is what is to be put in. */
export function curlOf({ method, path, fields, body }: Operation, origin: string): string {
  const lines = [`curl -H "Authorization: Bearer $TOKEN"`];
  if (method !== "GET" && (method !== "POST" || body === "")) lines.push(`-X ${method}`);
  const isJson = body.includes("application/json");
  if (isJson) {
    const given = fields.filter(({ isRequired, name }) => isRequired && !/[.[]/.test(name));
    const object = Object.fromEntries(given.map(({ name }) => [name, `{${name}}`]));
    lines.push(`--json '${JSON.stringify(object)}'`);
  }
  lines.push(`"${origin}${path}"`);
  return lines.join(" \\\n  ");
}
