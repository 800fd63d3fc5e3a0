/**
 * Query parameters, read from and taken out of the raw query. Names and values are compared decoded
 * (`%xx`, and `+` for a blank), as every server reads them; what is not valid UTF-8 stays as written.
 */

/** Parameters that are looked at, at most; a target's length bounds them anyway. */
const parametersMax = 4_096;

/** Visits the parameters of `target` after its path, until `visit` returns true. */
function forEachParameter(
  target: string,
  pathEnd: number,
  visit: (from: number, nameEnd: number, to: number) => boolean,
): void {
  let from = pathEnd + 1;
  for (let i = 0; i < parametersMax && from <= target.length; i++) {
    const next = target.indexOf("&", from);
    const to = next < 0 ? target.length : next;
    const equals = target.indexOf("=", from);
    const nameEnd = equals < 0 || equals > to ? to : equals;
    if (visit(from, nameEnd, to)) return;
    from = to + 1;
  }
}

/** Values of all parameters called `name`, decoded, in order. */
export function queryValues(target: string, pathEnd: number, name: string): string[] {
  const values: string[] = [];
  forEachParameter(target, pathEnd, (from, nameEnd, to) => {
    if (isNamed(target.slice(from, nameEnd), name)) {
      values.push(decode(nameEnd < to ? target.slice(nameEnd + 1, to) : ""));
    }
    return false;
  });
  return values;
}

/** The query without the parameters called any of `names`; with its `?`, or "" if nothing is left. */
export function queryWithout(target: string, pathEnd: number, names: readonly string[]): string {
  const query = target.slice(pathEnd);
  if (query === "" || names.length === 0) return query;
  const kept: string[] = [];
  let dropped = false;
  forEachParameter(target, pathEnd, (from, nameEnd, to) => {
    const name = target.slice(from, nameEnd);
    if (names.some((wanted) => isNamed(name, wanted))) dropped = true;
    else kept.push(target.slice(from, to));
    return false;
  });
  if (!dropped) return query;
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function isNamed(raw: string, name: string): boolean {
  if (raw === name) return true;
  return (raw.includes("%") || raw.includes("+")) && decode(raw) === name;
}

/** A query component as text. */
export function decode(raw: string): string {
  const text = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
