/** Routes of a page as text: `#/usage?by=key`. */

export interface Route {
  /** `/`, `/keys`, `/keys/k_1`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

export function parseRoute(hash: string): Route {
  const text = hash.startsWith("#/") ? hash.slice(1) : "/";
  const mark = text.indexOf("?");
  if (mark < 0) return { path: text, query: {} };
  const query = Object.fromEntries(new URLSearchParams(text.slice(mark + 1)));
  return { path: text.slice(0, mark), query };
}

/** Empty values are left out. */
export function routeTo(
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  return `#${withQuery(path, query)}`;
}

/** The same for the API's addresses. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") given.set(name, value);
  }
  const text = given.toString();
  return text === "" ? path : `${path}?${text}`;
}
