/** What is wrong with a configuration, in one sentence that says where, what, and what would do. */

export type ConfigPath = readonly (string | number)[];

export interface ConfigProblem {
  /** As the caller named it. */
  readonly file: string;
  /** From 1; 0 where there are no lines (a module's value). */
  readonly line: number;
  readonly column: number;
  /** `plans.free.limits[0].window`; "" for the file as a whole. */
  readonly path: string;
  /** What stands there; "" where `expected` says it all. */
  readonly found: string;
  readonly expected: string;
  /** All of the above: `tallygate.yaml:12:9: plans.free…: found "7h", expected …`. */
  readonly message: string;
}

/** Problems reported of one file, at most: more would only repeat the same mistake. */
export const problemsMax = 50;

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a path stands in the file, and how its value was written. */
export interface Locator {
  /** `atKey`: the field's name rather than its value. Falls back to the nearest parent. */
  position(path: ConfigPath, atKey: boolean): Position;
  /** The text as written where it is not the value itself (`${NAME}`); else undefined. */
  written(path: ConfigPath): string | undefined;
}

export const nowhere: Locator = {
  position: () => ({ line: 0, column: 0 }),
  written: () => undefined,
};

/** Collects the problems of one file. */
export interface ProblemList {
  readonly all: ConfigProblem[];
  /** The value at `path` is not what it must be. `found` is given where it is not simply the value. */
  add(path: ConfigPath, expected: string, found?: { value: unknown } | { text: string }): void;
  /** The field itself is not known. */
  unknownField(path: ConfigPath, expected: string): void;
}

export function problemList(file: string, locator: Locator): ProblemList {
  const all: ConfigProblem[] = [];
  const push = (path: ConfigPath, atKey: boolean, found: string, expected: string): void => {
    if (all.length >= problemsMax) return;
    const text = formatPath(path);
    all.push(
      configProblem({ file, ...locator.position(path, atKey), path: text, found, expected }),
    );
  };
  return {
    all,
    add: (path, expected, found) => {
      const text =
        found === undefined
          ? ""
          : "text" in found
            ? found.text
            : (locator.written(path) ?? formatValue(found.value));
      push(path, false, text, expected);
    },
    unknownField: (path, expected) => push(path, true, "an unknown field", expected),
  };
}

export function configProblem(parts: Omit<ConfigProblem, "message">): ConfigProblem {
  const place = parts.line === 0 ? parts.file : `${parts.file}:${parts.line}:${parts.column}`;
  const where = parts.path === "" ? place : `${place}: ${parts.path}`;
  const what =
    parts.found === "" ? parts.expected : `found ${parts.found}, expected ${parts.expected}`;
  return { ...parts, message: `${where}: ${what}` };
}

export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** A value in few words; long ones are cut, nested ones only named. */
export function formatValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "nothing (an empty value)";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a group of fields";
  if (typeof value === "string") return JSON.stringify(cut(value));
  return cut(`${value as number | boolean | bigint}`);
}

function cut(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
