import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { type Language, languages, pathOf, snippet } from "./snippets.ts";

const url = "https://sydney.example.com/hello";

const ways: readonly (readonly [string, Language, string])[] = [
  ["header:x-api-key", "curl", `curl -H 'x-api-key: K' '${url}'`],
  ["bearer", "curl", `curl -H 'Authorization: Bearer K' '${url}'`],
  ["query:api-key", "curl", `curl '${url}?api-key=K'`],
  ["header:x-api-key", "javascript", '  headers: { "x-api-key": "K" },'],
  ["bearer", "python", 'request.add_header("Authorization", "Bearer K")'],
  ["header:x-api-key", "go", '\trequest.Header.Set("x-api-key", "K")'],
];

for (const [keyFrom, language, expected] of ways) {
  test(`${language} carries the key as the API wants it: ${keyFrom}`, () => {
    const text = snippet(language, { method: "GET", url, key: "K", keyFrom });
    assert.ok(text.includes(expected), text);
  });
}

test("a method that is not GET is said in every language", () => {
  for (const { value } of languages) {
    const text = snippet(value, { method: "POST", url, key: "K", keyFrom: "bearer" });
    assert.match(text, /POST/);
  }
});

test("whatever stands in the field of the key, the text is one call and no more", () => {
  const key = `'; touch x; echo "\\\n$(id)`;
  const call = { method: "GET", url, key, keyFrom: "header:x-api-key" };
  const shell = snippet("curl", call).replace(/^curl/, "printf '<%s>'");
  const said = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
  assert.equal(said.stdout, `<-H><x-api-key: ${key}><${url}>`);
  const script = snippet("javascript", call).replace("await fetch(", "fetchOf(");
  const fetchOf = (to: string, options: { headers: object }) => [to, { ...options.headers }];
  const request = script.split("\n").slice(0, -1).join("\n");
  const seen = runInNewContext(`${request}\nresponse;`, { fetchOf }) as unknown;
  assert.deepEqual(seen, [url, { "x-api-key": key }]);
});

test("a route that ends in a star is called at its beginning", () => {
  assert.equal(pathOf("/api/*"), "/api/");
  assert.equal(pathOf("/users/{id}"), "/users/{id}");
});
