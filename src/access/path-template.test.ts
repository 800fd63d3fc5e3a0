import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fillPathTemplate, parsePathTemplate } from "./path-template.ts";
import { parseRoutePattern, type RoutePattern } from "./route-pattern.ts";

function patternOf(path: string): RoutePattern {
  const pattern = parseRoutePattern(path);
  assert.ok(!("error" in pattern));
  return pattern;
}

const filled: readonly [route: string, template: string, path: string, expected: string][] = [
  ["/api/*", "/v2/{*}", "/api/users/7", "/v2/users/7"],
  ["/api/*", "/v2/{*}", "/api", "/v2/"],
  ["/api/*", "/{*}", "/api//evil.example/x", "/evil.example/x"],
  ["/api/*", "/{*}", "/api/", "/"],
  ["/{a}/x/{b}", "/{b}/{a}", "/1/x/2%20", "/2%20/1"],
  ["/{a}", "/v2/old", "/1", "/v2/old"],
  ["/old/{id}", "/", "/old/1", "/"],
];

for (const [route, template, path, expected] of filled) {
  test(`${path} of ${route} by ${template}`, () => {
    const parsed = parsePathTemplate(template, patternOf(route));
    assert.ok(!("error" in parsed), JSON.stringify(parsed));
    assert.equal(fillPathTemplate(parsed, path), expected);
  });
}

const refused: readonly [route: string, template: string, error: string][] = [
  ["/a", "v2", "begins with /"],
  ["/a", "/{*}", "only where"],
  ["/a/*", "/{*}/b", "only as the last"],
  ["/{a}", "/{b}", "instead of {b}"],
  ["/{a}/{b}", "/{a}{b}", "instead of {a}{b}"],
  ["/{a}", "/x{a}", "plain characters"],
  ["/a", "/../b", "plain characters"],
  ["/a", "/%2E./b", "plain characters"],
  ["/a", "/x//b", "without empty"],
  ["/a", "/x?y", "plain characters"],
];

for (const [route, template, error] of refused) {
  test(`refused: ${template} for ${route}`, () => {
    const parsed = parsePathTemplate(template, patternOf(route));
    assert.ok("error" in parsed && parsed.error.includes(error), JSON.stringify(parsed));
  });
}

test("whatever a path holds, what is made of it names no host", () => {
  const parsed = parsePathTemplate("/{*}", patternOf("/old/*"));
  assert.ok(!("error" in parsed));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("/", "a", "%2f", ".", ":", "@") }), (rest) => {
      return /^\/(?!\/)/.test(fillPathTemplate(parsed, `/old/${rest}`));
    }),
  );
});
