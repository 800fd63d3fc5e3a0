import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteConfig } from "../access/compiled-config.ts";
import { Router } from "./routes.ts";

/** `METHODS path`, methods joined by `|`, `*` for all. */
function routerOf(...lines: readonly string[]) {
  const routes = lines.map((line, index) => {
    const [methods = "", path = ""] = line.split(" ");
    const config: RouteConfig = {
      index,
      path,
      methods: methods === "*" ? [] : methods.split("|"),
      target: { kind: "handler", file: "" },
      cost: 1,
      refundOn: [],
      timeoutMs: 1,
      cors: undefined,
      bodyMaxBytes: 1,
      requestFields: undefined,
      responseFields: undefined,
    };
    return { config };
  });
  return new Router(routes);
}

/** The path of the route found with the values of its parameters, `405`, or `404`. */
function find(router: ReturnType<typeof routerOf>, method: string, path: string): string {
  const { route, isMethodRefused, starts, ends } = router.find(method, path);
  if (route === undefined) return isMethodRefused ? "405" : "404";
  const count = route.config.path.split("{").length - 1;
  const values = Array.from({ length: count }, (_, i) => path.slice(starts[i], ends[i]));
  return [route.config.path, ...values].join(" ");
}

test("the most specific route wins, whatever the order of the file", () => {
  const lines = [
    "* /*",
    "* /{a}",
    "* /users/*",
    "* /users/{id}",
    "* /users/me",
    "* /",
    "* /{a}/{b}",
  ];
  const table: [string, string][] = [
    ["/", "/"],
    ["/x", "/{a} x"],
    ["/users", "/users/*"],
    ["/users/me", "/users/me"],
    ["/users/7", "/users/{id} 7"],
    ["/users/7/x", "/users/*"],
    ["/users/", "/users/*"],
    ["/y/z", "/{a}/{b} y z"],
    ["/y/", "/*"],
    ["/y/z/", "/*"],
    ["/users//x", "/users/*"],
    [`/a${"/b".repeat(500)}`, "/*"],
  ];
  for (const router of [routerOf(...lines), routerOf(...lines.toReversed())]) {
    for (const [path, expected] of table) assert.equal(find(router, "GET", path), expected, path);
  }
});

test("a branch that leads nowhere is left again", () => {
  const router = routerOf("* /a/b/c", "* /a/{x}/d", "* /{p}/b/e/{q}");
  assert.equal(find(router, "GET", "/a/b/c"), "/a/b/c");
  assert.equal(find(router, "GET", "/a/b/d"), "/a/{x}/d b");
  assert.equal(find(router, "GET", "/a/b/e/f"), "/{p}/b/e/{q} a f");
  assert.equal(find(router, "GET", "/a/b/e"), "404");
});

test("a less specific route takes a method that the more specific one refuses", () => {
  const router = routerOf("GET /users/me", "POST|PUT /users/{id}", "DELETE /x");
  assert.equal(find(router, "GET", "/users/me"), "/users/me");
  assert.equal(find(router, "HEAD", "/users/me"), "/users/me");
  assert.equal(find(router, "POST", "/users/me"), "/users/{id} me");
  assert.equal(find(router, "DELETE", "/users/me"), "405");
  assert.deepEqual(router.allowed("/users/me"), ["GET", "HEAD", "POST", "PUT"]);
  assert.deepEqual(router.allowed("/x"), ["DELETE"]);
  assert.equal(find(router, "GET", "/x"), "405");
  assert.equal(find(router, "GET", "/users/me"), "/users/me", "asking for Allow changes nothing");
});

test("paths are compared byte for byte, and a trailing slash is not nothing", () => {
  const router = routerOf("* /users", "* /a/{id}");
  for (const path of ["/Users", "/users/", "/%75sers", "/a/", "/a", "/a//"]) {
    assert.equal(find(router, "GET", path), "404", path);
  }
});
