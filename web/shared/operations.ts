/** The operations of an OpenAPI 3 document. It comes from a file: nothing about its form is certain. */

import { at, entries, isRecord, list, record, resolve, text } from "./loose-json.ts";
import { type Field, fieldsOf, typeOf } from "./schema-fields.ts";

export interface Operation {
  /** "" where it has none. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  /** Media types of the request's body; "": none. */
  readonly body: string;
  /** Of a body in JSON. */
  readonly fields: readonly Field[];
  readonly responses: readonly OperationResponse[];
}

export interface OperationResponse {
  readonly status: string;
  readonly text: string;
  /** Media types, as of `body`. */
  readonly types: string;
  /** Of an answer in JSON. */
  readonly fields: readonly Field[];
}

export interface Parameter {
  readonly name: string;
  readonly place: string;
  readonly isRequired: boolean;
  readonly type: string;
  readonly text: string;
}

const methods = ["get", "post", "put", "patch", "delete", "head", "options"] as const;
/** Operations that are shown. */
const operationsMax = 500;
export function operationsOf(document: object): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of entries(at(document, "paths"))) {
    const shared = list(at(item, "parameters"));
    for (const method of methods) {
      const operation = at(item, method);
      if (!isRecord(operation) || found.length >= operationsMax) continue;
      const own = list(operation["parameters"]);
      const body = resolve(document, operation["requestBody"]);
      found.push({
        id: text(operation["operationId"]),
        method: method.toUpperCase(),
        path,
        summary: text(operation["summary"]),
        description: text(operation["description"]),
        parameters: parametersOf(document, [...shared, ...own]),
        body: typesOf(body),
        fields: jsonFields(document, body),
        responses: entries(operation["responses"]).map(([status, given]) => {
          const response = resolve(document, given);
          const description = text(at(response, "description"));
          const fields = jsonFields(document, response);
          return { status, text: description, types: typesOf(response), fields };
        }),
      });
    }
  }
  return found;
}

function typesOf(body: unknown): string {
  return Object.keys(record(at(body, "content"))).join(", ");
}

function jsonFields(document: object, body: unknown): Field[] {
  const content = record(at(body, "content"));
  return fieldsOf(document, at(content["application/json"], "schema"));
}

/** The later of two with one name and place counts: the operation's own. */
function parametersOf(document: object, given: readonly unknown[]): Parameter[] {
  const byName = new Map<string, Parameter>();
  for (const one of given) {
    const parameter = resolve(document, one);
    const [name, place] = [text(at(parameter, "name")), text(at(parameter, "in"))];
    if (name === "") continue;
    byName.set(`${place} ${name}`, {
      ...{ name, place },
      isRequired: at(parameter, "required") === true,
      type: typeOf(document, at(parameter, "schema")),
      text: text(at(parameter, "description")),
    });
  }
  return [...byName.values()];
}
