/**
 * The router: which route takes a path and method. Among the routes whose path matches, the most specific one
 * that takes the method wins, whatever the order of the file: segment by segment from the left, a literal
 * beats a parameter, a parameter beats the rest.
 *
 * Paths are compared byte for byte: an escape in a literal segment does not match it, and a
 * trailing `/` is a segment of its own, which only `*` matches. A parameter is never empty.
 */

import type { RouteConfig } from "../access/compiled-config.ts";
import { parseRoutePattern, segmentsMax } from "../access/route-pattern.ts";
import { assert } from "../base/assert.ts";

/** What was found: reused, valid until the next `find` of the same router. */
export interface RouteMatch<Route> {
  /** Undefined: no route, or none for the method. */
  route: Route | undefined;
  /** Whether some route has the path, but another method. */
  isMethodRefused: boolean;
  /** Parameter i of the route stands at [starts[i], ends[i]) of the path. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

interface Node<Route> {
  readonly literals: Map<string, Node<Route>>;
  parameter: Node<Route> | undefined;
  readonly here: Candidate<Route>[];
  readonly rest: Candidate<Route>[];
}

interface Candidate<Route> {
  readonly route: Route;
  /** Empty: all. */
  readonly methods: readonly string[];
}

function emptyNode<Route>(): Node<Route> {
  return { literals: new Map(), parameter: undefined, here: [], rest: [] };
}

export class Router<Route extends { readonly config: RouteConfig }> {
  readonly #root = emptyNode<Route>();
  /** Whole paths without parameters: found with one look-up. */
  readonly #exact = new Map<string, Node<Route>>();
  readonly #match: RouteMatch<Route> = {
    route: undefined,
    isMethodRefused: false,
    starts: new Int32Array(segmentsMax),
    ends: new Int32Array(segmentsMax),
  };
  /** Where each segment of the path starts; one more marks the end of the last. */
  readonly #segmentStarts = new Int32Array(segmentsMax + 2);
  #segmentCount = 0;
  #path = "";
  #method = "";

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  #add(route: Route): void {
    const { path, methods } = route.config;
    const pattern = parseRoutePattern(path);
    assert(!("error" in pattern), `a checked route path: ${path}`);
    const candidate = { route, methods };
    let node = this.#root;
    for (const segment of pattern.segments) {
      if (segment.kind === "rest") {
        node.rest.push(candidate);
        return;
      }
      if (segment.kind === "parameter") {
        node.parameter ??= emptyNode();
        node = node.parameter;
      } else {
        let next = node.literals.get(segment.text);
        if (next === undefined) {
          next = emptyNode();
          node.literals.set(segment.text, next);
        }
        node = next;
      }
    }
    node.here.push(candidate);
    if (pattern.parameters.length === 0) this.#exact.set(path, node);
  }

  /** `path` is an admissible target's path, see `target.ts`. */
  find(method: string, path: string): RouteMatch<Route> {
    const match = this.#match;
    match.route = undefined;
    match.isMethodRefused = false;
    const exact = this.#exact.get(path);
    if (exact !== undefined && this.#take(exact.here, method)) return match;
    this.#path = path;
    this.#method = method;
    this.#split(path);
    this.#descend(this.#root, 0, 0);
    return match;
  }

  /** Methods of all routes that have the path, for `Allow`; in order of name. */
  allowed(path: string): string[] {
    const methods = new Set<string>();
    // A method that no route names visits every candidate.
    this.#path = path;
    this.#method = "";
    this.#split(path);
    this.#collect = methods;
    this.#descend(this.#root, 0, 0);
    this.#collect = undefined;
    if (methods.has("GET")) methods.add("HEAD");
    return [...methods].sort();
  }

  #collect: Set<string> | undefined;

  #split(path: string): void {
    const starts = this.#segmentStarts;
    let count = 0;
    if (path.length > 1) {
      for (let at = 0; at >= 0 && count <= segmentsMax; at = path.indexOf("/", at + 1)) {
        starts[count++] = at + 1;
      }
    }
    // Beyond the bound only a rest can match, wherever the last segment ends.
    starts[count] = path.length + 1;
    this.#segmentCount = count;
  }

  /** Sets the match and returns true if a route below `node` takes the segments from `index` on. */
  #descend(node: Node<Route>, index: number, parameters: number): boolean {
    if (index === this.#segmentCount) {
      return this.#take(node.here, this.#method) || this.#take(node.rest, this.#method);
    }
    const start = this.#segmentStarts[index] as number;
    const end = (this.#segmentStarts[index + 1] as number) - 1;
    if (index < segmentsMax && end > start) {
      if (node.literals.size > 0) {
        const literal = node.literals.get(this.#path.slice(start, end));
        if (literal !== undefined && this.#descend(literal, index + 1, parameters)) return true;
      }
      if (node.parameter !== undefined) {
        // After the descent, since a branch that fails may have written here.
        if (this.#descend(node.parameter, index + 1, parameters + 1)) {
          this.#match.starts[parameters] = start;
          this.#match.ends[parameters] = end;
          return true;
        }
      }
    }
    return this.#take(node.rest, this.#method);
  }

  #take(candidates: readonly Candidate<Route>[], method: string): boolean {
    for (let i = 0; i < candidates.length; i++) {
      const { route, methods } = candidates[i] as Candidate<Route>;
      if (this.#collect !== undefined) {
        for (const allowed of methods) this.#collect.add(allowed);
      } else if (takes(methods, method)) {
        this.#match.route = route;
        return true;
      } else {
        this.#match.isMethodRefused = true;
      }
    }
    return false;
  }
}

/** HEAD goes wherever GET does (RFC 9110, 9.3.2). */
function takes(methods: readonly string[], method: string): boolean {
  if (methods.length === 0 || methods.includes(method)) return true;
  return method === "HEAD" && methods.includes("GET");
}
