import assert from "node:assert/strict";
import { test } from "node:test";
import { createControl } from "../../src/control/control.ts";
import { createFakeHub } from "../../src/control/testing/fake-hub.ts";
import { operationsOf } from "../shared/operations.ts";
import { curlOf, groupsOf, placeOf } from "./groups.ts";

const app = createControl(createFakeHub().context);
const info = { title: "", version: "" };
const document = app.getOpenAPI31Document({ openapi: "3.1.0", info });

const operations = operationsOf(document);
const named = (id: string) => operations.find((of) => of.id === id) ?? assert.fail(id);

test("every operation of the admin API is in a group, at a place of its own", () => {
  const groups = groupsOf(operations);
  assert.equal(groups.flatMap((group) => group.operations).length, operations.length);
  assert.ok(groups.some(({ name }) => name === "keys"));
  assert.equal(new Set(operations.map(placeOf)).size, operations.length);
});

test("bodies and answers are told field by field, through references", () => {
  const { fields, responses } = named("createKey");
  const plan = fields.find(({ name }) => name === "plan");
  assert.deepEqual([plan?.type, plan?.isRequired], ["string", true]);
  assert.ok(fields.some(({ name }) => name === "restrict.referers"));
  const expires = fields.find(({ name }) => name === "expiresAt");
  assert.match(expires?.text ?? "", /refused/);
  const created = responses.find(({ status }) => status === "201");
  assert.ok(created?.fields.some(({ name }) => name === "credentials[].id"));
  const limit = named("listKeys").parameters.find(({ name }) => name === "limit");
  assert.equal(limit?.type, "integer");
});

test("a call names method, path and the fields that must be there", () => {
  const lines = curlOf(named("createKey"), "https://hub.example").split("\n");
  assert.deepEqual(lines, [
    'curl -H "Authorization: Bearer $TOKEN" \\',
    `  --json '{"plan":"{plan}"}' \\`,
    '  "https://hub.example/v1/keys"',
  ]);
  assert.match(curlOf(named("revokeKey"), ""), /-X DELETE/);
  assert.ok(!curlOf(named("listKeys"), "").includes("-X"));
});

test("a document of any form is shown as far as it can be", () => {
  const loop = { $ref: "#/components/schemas/A" };
  const odd = {
    paths: {
      "/a": { get: { responses: { 200: { content: { "application/json": { schema: loop } } } } } },
      "/b": { get: 7, post: { requestBody: { $ref: "elsewhere" }, parameters: [null, {}] } },
      "/c": null,
    },
    components: { schemas: { A: { type: "object", properties: { a: loop, __proto__: loop } } } },
  };
  const found = operationsOf(odd);
  assert.deepEqual(
    found.map(({ method, path }) => `${method} ${path}`),
    ["GET /a", "POST /b"],
  );
  assert.ok((found[0]?.responses[0]?.fields.length ?? 0) > 1);
  for (const value of [[], { paths: [] }, { paths: 1 }]) assert.deepEqual(operationsOf(value), []);
});
