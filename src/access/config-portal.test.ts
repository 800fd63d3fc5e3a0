import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast } from "./color-contrast.ts";
import { compileConfigValue } from "./config.ts";
import type { PortalConfig } from "./config-portal.ts";
import { referenceLengthMax } from "./portal-reference.ts";

const files: Record<string, string> = {
  "/etc/t/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
  "/etc/t/api.yaml": "openapi: 3.1.0\ninfo: { title: x, version: '1' }\npaths: {}\n",
  "/etc/t/api.json": '{"openapi": "3.0.3", "paths": {}}',
  "/etc/t/old.yaml": "swagger: '2.0'\npaths: {}\n",
  "/etc/t/bomb.yaml": `openapi: 3.1.0\na: &a [x]\nb: &b [${"*a,".repeat(9)}*a]\nc: &c [${"*b,".repeat(9)}*b]\nd: [${"*c,".repeat(9)}*c]\npaths: {}\n`,
  "/etc/t/large.json": `{"openapi": "3.1.0", "paths": {}, "x": "${"x".repeat(referenceLengthMax)}"}`,
  "/etc/t/picture.png": "\u0089PNG",
};

function compile(portal: object) {
  const value = {
    version: 1,
    regions: { sydney: { listen: "127.0.0.1:8081" }, seoul: { listen: "127.0.0.1:8082" } },
    plans: { free: { limits: [] } },
    routes: [{ path: "/", reply: { status: 200 } }],
    portal: { plan: "free", ...portal },
  };
  const readText = (path: string) => files[path];
  return compileConfigValue(value, { file: "/etc/t/c.yaml", fileExists: () => true, readText });
}

function portalOf(portal: object): PortalConfig {
  const result = compile(portal);
  assert.ok("config" in result, JSON.stringify(result));
  assert.ok(result.config.portal);
  return result.config.portal;
}

test("a plan is enough: the rest has defaults", () => {
  assert.deepEqual(portalOf({}), {
    ...{ url: "", plan: "free", keysMax: 5, name: "API", logo: "" },
    ...{ accent: undefined, links: [], endpoints: new Map(), reference: undefined },
    ...{ linkLifetimeMs: 1_800_000, mail: undefined },
  });
});

test("files are read beside the configuration; slashes at the end of URLs go", () => {
  const portal = portalOf({
    ...{ url: "https://portal.example.com/", logo: "logo.svg", openapi: "./api.yaml" },
    endpoints: { seoul: "https://seoul.example.com/" },
    mail: { from: "A <a@example.com>", host: "smtp", user: "u", passwordFile: "secret" },
  });
  assert.equal(portal.url, "https://portal.example.com");
  assert.match(portal.logo, /^<svg/);
  assert.equal((portal.reference as { openapi: string }).openapi, "3.1.0");
  assert.equal(portal.endpoints.get("seoul"), "https://seoul.example.com");
  assert.deepEqual(portal.mail, {
    ...{ from: "A <a@example.com>", host: "smtp", port: 587, security: "starttls", user: "u" },
    passwordFile: "/etc/t/secret",
  });
  assert.equal(portalOf({ openapi: "api.json" }).reference !== undefined, true);
});

const wrong: readonly (readonly [string, object, string])[] = [
  ["a plan that there is not", { plan: "gold" }, "portal.plan"],
  [
    "a region that there is not",
    { endpoints: { mars: "https://m.example" } },
    "portal.endpoints.mars",
  ],
  ["a logo that is no SVG", { logo: "picture.png" }, "portal.logo"],
  ["a file that there is not", { openapi: "none.yaml" }, "portal.openapi"],
  ["a document of another kind", { openapi: "old.yaml" }, "portal.openapi"],
  ["a document that grows when it is read", { openapi: "bomb.yaml" }, "portal.openapi"],
  ["a document that is too large", { openapi: "large.json" }, "portal.openapi"],
  [
    "a colour by name",
    { colors: { accent: "red", accentDark: "#ffffff" } },
    "portal.colors.accent",
  ],
  [
    "a colour that cannot be read on the page",
    { colors: { accent: "#ffee00", accentDark: "#ffee00" } },
    "portal.colors.accent",
  ],
  [
    "a link that runs a script",
    { links: [{ label: "x", url: "javascript:x" }] },
    "portal.links[0].url",
  ],
  ["a sender with a line end", { mail: { from: "a@b\n.c", host: "smtp" } }, "portal.mail.from"],
  ["a user without a password", { mail: { from: "a@b.c", host: "s", user: "u" } }, "portal.mail"],
  [
    "a password in the clear",
    { mail: { from: "a@b.c", host: "s", user: "u", passwordFile: "p", security: "none" } },
    "portal.mail.security",
  ],
  ["a link that lives for days", { linkLifetime: "2d" }, "portal.linkLifetime"],
];

for (const [what, portal, path] of wrong) {
  test(`refused: ${what}`, () => {
    const result = compile(portal);
    assert.ok("problems" in result);
    assert.deepEqual(
      result.problems.map((problem) => problem.path),
      [path],
    );
  });
}

test("contrast is that of WCAG: 21 for black on white, 1 for a colour on itself", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#0b6b57", "#0b6b57"), 1);
  assert.equal(contrast("#777777", "#ffffff").toFixed(2), "4.48");
});
