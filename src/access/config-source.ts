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
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";
import {
  type ConfigProblem,
  configProblem,
  type Locator,
  type Position,
  problemList,
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
  const start = { line: 1, column: 1 };
  if (text.length > configLengthMax) {
    return problem(start, `${text.length} characters`, `at most ${configLengthMax}`);
  }
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      version: "1.2",
      schema: format === "json" ? "json" : "core",
    });
    const broken = document.errors[0] ?? document.warnings[0];
    if (broken !== undefined) return problem(at(broken.pos[0]), "", firstLine(broken.message));
    if (format === "json") JSON.parse(text);
    const written = new Map<Node, string>();
    const locator = documentLocator(document, at, written);
    const list = problemList(file, { ...locator, position: () => start });
    const missing = replaceVariables(document, options.environment, written);
    for (const { node, name } of missing) {
      const place = at(node.range?.[0] ?? 0);
      list.all.push(
        configProblem({
          file,
          ...place,
          path: "",
          found: `\${${name}}`,
          expected: `an environment variable ${name}, or $\${ for a literal \${`,
        }),
      );
    }
    if (list.all.length > 0) return { problems: list.all };
    return { value: document.toJS({ maxAliasCount: aliasesMax }), locator };
  } catch (error) {
    // The libraries throw for alias bombs (ReferenceError), for JSON that YAML would take
    // (SyntaxError) and for nesting deeper than the stack (RangeError).
    const name = format === "json" ? "valid JSON" : "valid YAML";
    const why = error instanceof RangeError ? "nesting too deep" : firstLine(String(error));
    return problem(start, why, name);
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

interface MissingVariable {
  readonly node: Scalar;
  readonly name: string;
}

const variable = /\$?\$\{([^}]*)\}/g;
const wholeVariable = /^\$\{[^}]*\}$/;

function replaceVariables(
  document: Document,
  environment: Environment,
  written: Map<Node, string>,
): MissingVariable[] {
  const missing: MissingVariable[] = [];
  visit(document, {
    Scalar: (key, node) => {
      if (key === "key" || typeof node.value !== "string") return;
      const text = node.value;
      if (!text.includes("${")) return;
      const replaced = text.replace(variable, (match: string, name: string) => {
        if (match.startsWith("$$")) return match.slice(1);
        const value = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? environment[name] : undefined;
        if (value === undefined) missing.push({ node, name });
        return value ?? "";
      });
      written.set(node, text);
      // A bare ${NAME} takes the place of a value, which may be a number; a quoted one is text.
      const bare = node.type === "PLAIN" && wholeVariable.test(text);
      node.value = bare ? bareValue(replaced) : replaced;
    },
  });
  return missing;
}

function bareValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function documentLocator(
  document: Document,
  at: (offset: number) => Position,
  written: ReadonlyMap<Node, string>,
): Locator {
  const nodeAt = (path: readonly (string | number)[]): Node | undefined => {
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
      return { line: 1, column: 1 };
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
    return isPair(item) && isScalar(item.key) && String(item.key.value) === String(name);
  });
  return isNode(pair?.key) ? pair.key : undefined;
}
