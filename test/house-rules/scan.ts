/**
 * A small scanner for TypeScript sources: what is code, what is text, and what is imported. Enough
 * for the house rules and no more; the compiler has no JavaScript interface.
 */

export interface Scanned {
  /** The source with comments as blanks; line numbers stay. */
  readonly withoutComments: string;
  /** The same with the insides of strings, templates and regular expressions blank too. */
  readonly code: string;
}

export interface Import {
  readonly specifier: string;
  /** `import type`, `export type`: erased, so nothing is loaded. */
  readonly typeOnly: boolean;
}

/** One alternative per token that can hide others. Templates are handled apart, for `${…}`. */
const token =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<template>`)|(?<open>\{)|(?<close>\})|(?<regex>\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[dgimsuvy]*)/g;

/** A slash after one of these begins a regular expression, after anything else it divides. */
const beforeRegex =
  /(?:^|[=(,:;!&|?{}[\n+*%<>~^-]|\b(?:return|typeof|case|in|of|void|delete|await|yield))\s*$/;

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/** Keeps the delimiters, so that code still has the shape of an expression. */
function blankInside(text: string): string {
  return text.length < 2 ? text : text[0] + blank(text.slice(1, -1)) + text[text.length - 1];
}

/** The end of a template's text from `from`: at its closing backtick or at a `${`. */
function templateEnd(source: string, from: number): { end: number; opens: boolean } {
  for (let i = from; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "`") return { end: i + 1, opens: false };
    else if (source[i] === "$" && source[i + 1] === "{") return { end: i + 2, opens: true };
  }
  return { end: source.length, opens: false };
}

export function scan(source: string): Scanned {
  let withoutComments = "";
  let code = "";
  /** Open braces; true where the brace belongs to a template's `${`. */
  const braces: boolean[] = [];
  const take = (text: string, asCode: string, kept = text): void => {
    withoutComments += kept;
    code += asCode;
  };
  const takeTemplate = (from: number): number => {
    const { end, opens } = templateEnd(source, from);
    const text = source.slice(from, end);
    const closing = opens ? 2 : 1;
    take(text, blank(text.slice(0, -closing)) + text.slice(-closing));
    if (opens) braces.push(true);
    return end;
  };
  let at = 0;
  token.lastIndex = 0;
  for (let match = token.exec(source); match; match = token.exec(source)) {
    const { comment, string, template, open, close, regex } = match.groups ?? {};
    if (regex !== undefined && !beforeRegex.test(code + source.slice(at, match.index))) {
      token.lastIndex = match.index + 1;
      continue;
    }
    const before = source.slice(at, match.index);
    take(before, before);
    at = token.lastIndex;
    if (comment !== undefined) take(comment, blank(comment), blank(comment));
    else if (string !== undefined) take(string, blankInside(string));
    else if (regex !== undefined) take(regex, blankInside(regex));
    else take(match[0], match[0]);
    if (open !== undefined) braces.push(false);
    const continues = close !== undefined && braces.pop() === true;
    if (template !== undefined || continues) at = takeTemplate(at);
    token.lastIndex = at;
  }
  const rest = source.slice(at);
  take(rest, rest);
  return { withoutComments, code };
}

const statement =
  /(?:^|[;}\n])\s*(?:import|export)\b(?<type>\s+type\b(?!\s*,|\s+from\b))?(?:[^;"'`=()]*?\bfrom)?\s*["'](?<from>[^"']+)["']/g;
/** What begins with `${` is the address of a user's module, which no table can know. */
const dynamic = /\bimport\s*\(\s*["'`](?!\$\{)(?<from>[^"'`]+)["'`]/g;

/** All modules that a source names, also those it loads later and those of its type positions. */
export function importsOf({ withoutComments }: Scanned): Import[] {
  const found: Import[] = [];
  for (const match of withoutComments.matchAll(statement)) {
    found.push({
      specifier: match.groups?.["from"] ?? "",
      typeOnly: match.groups?.["type"] !== undefined,
    });
  }
  for (const match of withoutComments.matchAll(dynamic)) {
    found.push({ specifier: match.groups?.["from"] ?? "", typeOnly: false });
  }
  return found;
}
