/** Paths of routes: exact, `/users/{id}` with parameters for whole segments, `/api/*` with a rest. */

export interface RoutePattern {
  /** Literal segments as written; parameters and the rest marked. */
  readonly segments: readonly RouteSegment[];
  /** Names of the parameters, in order. */
  readonly parameters: readonly string[];
  /** Two patterns of one shape match the same paths. */
  readonly shape: string;
}

export type RouteSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  /** Last only; any number of segments, also none: `/api/*` matches `/api`, `/api/` and below. */
  | { readonly kind: "rest" };

/** Segments of a pattern, at most. */
export const segmentsMax = 32;

const parameterPattern = /^\{([A-Za-z_][A-Za-z0-9_]{0,63})\}$/;

/** RFC 3986 pchar without `%`: what needs encoding has many spellings, and a route only one. */
const literalPattern = /^[A-Za-z0-9._~!$&'()+,;=:@-]+$/;

export function parseRoutePattern(path: string): RoutePattern | { readonly error: string } {
  if (!path.startsWith("/")) return { error: "a path that begins with /" };
  if (path === "/-" || path.startsWith("/-/")) {
    return { error: "a path outside /-/, which is the gateway's own" };
  }
  const written = path === "/" ? [] : path.slice(1).split("/");
  if (written.length > segmentsMax) return { error: `at most ${segmentsMax} segments` };
  const segments: RouteSegment[] = [];
  const parameters: string[] = [];
  for (const [i, text] of written.entries()) {
    const parameter = parameterPattern.exec(text)?.[1];
    if (text === "*") {
      if (i !== written.length - 1) return { error: "* only as the last segment" };
      segments.push({ kind: "rest" });
    } else if (parameter !== undefined) {
      if (parameters.includes(parameter)) return { error: `{${parameter}} only once` };
      parameters.push(parameter);
      segments.push({ kind: "parameter", name: parameter });
    } else if (text === "") {
      return { error: "a path without empty segments or a trailing /" };
    } else if (text === "." || text === "..") {
      return { error: "a path without . and .. segments" };
    } else if (!literalPattern.test(text)) {
      return {
        error: "segments of plain characters, {parameter} for a whole segment, or a final *",
      };
    } else {
      segments.push({ kind: "literal", text });
    }
  }
  const shape = segments.map((s) =>
    s.kind === "literal" ? s.text : s.kind === "rest" ? "*" : "{}",
  );
  return { segments, parameters, shape: `/${shape.join("/")}` };
}
