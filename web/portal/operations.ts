/** The operations of an OpenAPI 3 document. It comes from a file: nothing about its form is certain. */

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  /** Media types of the request's body; "": none. */
  readonly body: string;
  readonly responses: readonly { readonly status: string; readonly text: string }[];
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
/** References that lead to references. */
const referencesMax = 10;

type Json = Readonly<Record<string, unknown>>;

export function operationsOf(document: object): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of entries(at(document, "paths"))) {
    const shared = list(at(item, "parameters"));
    for (const method of methods) {
      const operation = at(item, method);
      if (!isRecord(operation) || found.length >= operationsMax) continue;
      const own = list(operation["parameters"]);
      found.push({
        method: method.toUpperCase(),
        path,
        summary: text(operation["summary"]),
        description: text(operation["description"]),
        parameters: parametersOf(document, [...shared, ...own]),
        body: Object.keys(record(at(resolve(document, operation["requestBody"]), "content"))).join(
          ", ",
        ),
        responses: entries(operation["responses"]).map(([status, response]) => {
          return { status, text: text(at(resolve(document, response), "description")) };
        }),
      });
    }
  }
  return found;
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
      type: text(at(resolve(document, at(parameter, "schema")), "type")),
      text: text(at(parameter, "description")),
    });
  }
  return [...byName.values()];
}

function resolve(document: object, value: unknown): unknown {
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

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function at(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function entries(value: unknown): [string, unknown][] {
  return Object.entries(record(value));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
