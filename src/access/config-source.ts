/**
 * The configuration file's text: YAML or JSON to a plain value, with the line and column of every
 * path. `${NAME}` in a value is replaced from the environment, `$${` stands for `${`.
 */

import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";
import {
  type ConfigPath,
  type ConfigProblem,
  configProblem,
  formatPath,
  type Locator,
  type Position,
} from "./config-problem.ts";

/** Characters of a configuration file, at most. */
export const configLengthMax = 1_048_576;

/** Uses of YAML aliases, expanded, at most: stops files that grow without bound when read. */
const aliasesMax = 100;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SourceOptions {
  readonly file: string;
  readonly format: "yaml" | "json";
  readonly environment: Environment;
}

export type Source =
  | { readonly value: unknown; readonly locator: Locator }
  | { readonly problems: readonly ConfigProblem[] };

export function readSource(text: string, options: SourceOptions): Source {
  const { file, format } = options;
  const problem = (place: Position, found: string, expected: string): Source => ({
    problems: [configProblem({ file, ...place, path: "", found, expected })],
  });
  if (text.length > configLengthMax) {
    return problem(firstPosition, `${text.length} characters`, `at most ${configLengthMax}`);
  }
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  let place = firstPosition;
  try {
    const document = parseDocument(hideVariables(text), {
      lineCounter: lines,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      version: "1.2",
    });
    const broken = document.errors[0] ?? document.warnings[0];
    if (format === "json") {
      place = broken === undefined ? firstPosition : at(broken.pos[0]);
      checkJson(text, (offset) => {
        place = at(offset);
      });
    }
    if (broken !== undefined) {
      const isSecond = broken.code === "MULTIPLE_DOCS";
      const why = isSecond ? "one document, not several in one file" : firstLine(broken.message);
      return problem(at(broken.pos[0]), "", why);
    }
    const variables = replaceVariables(document, options.environment);
    if (variables.missing.length > 0) {
      return { problems: variables.missing.map((missing) => missingVariable(file, missing, at)) };
    }
    const locator = documentLocator(document, at, variables.written);
    return { value: document.toJS({ maxAliasCount: aliasesMax }), locator };
  } catch (error) {
    return problem(place, "", thrown(error));
  }
}

const firstPosition: Position = { line: 1, column: 1 };

/** `JSON.parse` says where only in its message; where it says nothing the place stays as it was. */
function checkJson(text: string, placeIs: (offset: number) => void): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const offset = /position (\d+)/.exec(String(error))?.[1];
    if (offset !== undefined) placeIs(Number(offset));
    throw error;
  }
}

/** What the libraries throw: for JSON, for aliases without bound, for nesting beyond the stack. */
function thrown(error: unknown): string {
  if (error instanceof SyntaxError) return `not valid JSON: ${firstLine(error.message)}`;
  if (error instanceof ReferenceError) return `more than ${aliasesMax} uses of YAML aliases`;
  if (error instanceof RangeError) return "fields nested too deep";
  throw error;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

/**
 * Braces cannot stand in a plain YAML value inside `{ … }`, so that `{ listen: ${HOST} }` would be a
 * syntax error. For the parser they become private-use characters: as many, so that columns hold.
 */
const hidden = { open: "\ue000\ue001", close: "\ue002" } as const;
const hiddenVariable = /\ue000\ue001([^\ue002]*)\ue002/g;
const wholeVariable = /^\ue000\ue001[^\ue002]*\ue002$/;

function hideVariables(text: string): string {
  const clean = text.replace(/[\ue000-\ue002]/g, "\ufffd");
  return clean.replace(/\$\$\{|\$\{([^{}\n]*)\}/g, (match: string, name: string | undefined) =>
    name === undefined ? match : hidden.open + name + hidden.close,
  );
}

function showVariables(text: string): string {
  // A replacer, since `$` is special in a replacement text.
  return text.replace(hiddenVariable, (_, name: string) => `\${${name}}`);
}

interface MissingVariable {
  readonly node: Scalar;
  readonly path: ConfigPath;
  readonly name: string;
}

function missingVariable(
  file: string,
  { node, path, name }: MissingVariable,
  at: (offset: number) => Position,
): ConfigProblem {
  return configProblem({
    file,
    ...at(node.range?.[0] ?? 0),
    path: formatPath(path),
    found: `\${${name}}`,
    expected: /^\w+$/.test(name)
      ? `the environment variable ${name} to be set (a literal \${ is written $\${)`
      : "the name of an environment variable in braces",
  });
}

function replaceVariables(
  document: Document,
  environment: Environment,
): { written: ReadonlyMap<Node, string>; missing: MissingVariable[] } {
  const written = new Map<Node, string>();
  const missing: MissingVariable[] = [];
  visit(document, {
    Scalar: (key, node, ancestors) => {
      if (typeof node.value !== "string") return;
      const text = node.value;
      if (key === "key") {
        node.value = showVariables(text);
        return;
      }
      const isBare = node.type === "PLAIN" && wholeVariable.test(text);
      const replaced = text
        .replaceAll("$${", () => "${")
        .replace(hiddenVariable, (_, name: string) => {
          const value = /^[A-Za-z_]\w*$/.test(name) ? environment[name] : undefined;
          if (value === undefined) {
            missing.push({ node, path: pathOf([...ancestors, node]), name });
          }
          return value ?? "";
        });
      if (replaced === text) return;
      written.set(node, showVariables(text));
      // A bare ${NAME} takes the place of any value, which may be a number; a quoted one is text.
      node.value = isBare ? bareValue(replaced) : replaced;
    },
  });
  return { written, missing };
}

function bareValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function pathOf(ancestors: readonly (Document | Node | Pair)[]): ConfigPath {
  const path: (string | number)[] = [];
  for (const [i, ancestor] of ancestors.entries()) {
    if (isPair(ancestor)) path.push(isScalar(ancestor.key) ? String(ancestor.key.value) : "?");
    if (isSeq(ancestor)) path.push(ancestor.items.indexOf(ancestors[i + 1]));
  }
  return path;
}

function documentLocator(
  document: Document,
  at: (offset: number) => Position,
  written: ReadonlyMap<Node, string>,
): Locator {
  const nodeAt = (path: ConfigPath): Node | undefined => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    return isNode(node) ? node : undefined;
  };
  return {
    position: (path, atKey) => {
      for (let depth = path.length; depth >= 0; depth--) {
        const node = nodeAt(path.slice(0, depth));
        if (depth > 0 && (atKey || node === undefined)) {
          const key = keyNode(nodeAt(path.slice(0, depth - 1)), path[depth - 1]);
          if (key?.range) return at(key.range[0]);
        }
        if (node?.range) return at(node.range[0]);
      }
      return firstPosition;
    },
    written: (path) => {
      const node = nodeAt(path);
      return node === undefined ? undefined : written.get(node);
    },
  };
}

function keyNode(parent: Node | undefined, name: string | number | undefined): Node | undefined {
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((item) => {
    return isScalar(item.key) && String(item.key.value) === String(name);
  });
  return isNode(pair?.key) ? pair.key : undefined;
}
