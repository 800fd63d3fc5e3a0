import assert from "node:assert/strict";
import { test } from "node:test";
import { operationsOf } from "./operations.ts";

test("operations are read with the parameters of their path, by reference or not", () => {
  const document = {
    paths: {
      "/users/{id}": {
        parameters: [{ $ref: "#/components/parameters/id" }],
        get: {
          summary: "One user",
          parameters: [{ name: "fields", in: "query", schema: { type: "string" } }],
          responses: { 200: { $ref: "#/components/responses/a~1b" }, 404: { description: "None" } },
        },
        put: { requestBody: { content: { "application/json": {} } } },
      },
    },
    components: {
      parameters: {
        id: { name: "id", in: "path", required: true, schema: { $ref: "#/components/schemas/Id" } },
      },
      schemas: { Id: { type: "integer" } },
      responses: { "a/b": { description: "The user" } },
    },
  };
  const [get, put] = operationsOf(document);
  assert.deepEqual([get?.method, get?.path, get?.summary], ["GET", "/users/{id}", "One user"]);
  assert.deepEqual(get?.parameters, [
    { name: "id", place: "path", isRequired: true, type: "integer", text: "" },
    { name: "fields", place: "query", isRequired: false, type: "string", text: "" },
  ]);
  assert.deepEqual(get?.responses, [
    { status: "200", text: "The user", types: "", fields: [] },
    { status: "404", text: "None", types: "", fields: [] },
  ]);
  assert.equal(put?.body, "application/json");
});

const odd: readonly unknown[] = [
  {},
  { paths: null },
  { paths: [] },
  { paths: { "/": "text" } },
  { paths: { "/": { get: { parameters: "x", responses: [], requestBody: 7 } } } },
  { paths: { "/": { get: { parameters: [null, 1, { $ref: "#/a" }] } } }, a: { $ref: "#/a" } },
  { paths: { "/": { get: { parameters: [{ $ref: "https://elsewhere.example/x" }] } } } },
  { paths: { "/": { get: { parameters: [{ $ref: "#/__proto__/x" }] } } } },
];

test("a document of any form is read without an error", () => {
  for (const document of odd) {
    for (const { parameters } of operationsOf(document as object)) assert.deepEqual(parameters, []);
  }
});
