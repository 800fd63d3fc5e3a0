/** The document tells the truth: what operations answer is what it says, and nothing that it does not say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "@hono/zod-openapi";
import { createControl } from "./control.ts";
import { adminToken, createFakeHub } from "./testing/fake-hub.ts";

type Json = Record<string, unknown>;

interface Operation {
  readonly operationId: string;
  readonly responses: Record<
    string,
    { readonly content?: Record<string, { readonly schema: Json }> }
  >;
  readonly security?: readonly unknown[];
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Json> };
}

const fake = createFakeHub();
const app = createControl(fake.context);

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const headers = { authorization: `Bearer ${adminToken}`, ...type };
  return app.request(path, {
    ...{ method, headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function readDocument(): Promise<Document> {
  return (await (await send("GET", "/openapi.json")).json()) as Document;
}

/** References as JSON Schema knows them, and every object closed: a field that nobody documented is a fault. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => {
    if (name === "$ref") return [name, String(value).replace("#/components/schemas/", "#/$defs/")];
    return [name, closed(value)];
  });
  const object = Object.fromEntries(entries) as Json;
  const isExtended = "allOf" in object;
  if (object["type"] === "object" && "properties" in object && !isExtended) {
    object["additionalProperties"] ??= false;
  }
  return object;
}

const bodies: Record<string, unknown> = {
  createKey: { plan: "pro", owner: "acme" },
  changeKey: { name: "x" },
  rotateKey: {},
  createToken: { name: "x" },
  checkConfig: { text: "version: 1" },
};

test("every operation has an id, wants a token, and says what it refuses", async () => {
  const ids = new Set<string>();
  for (const [path, item] of Object.entries((await readDocument()).paths)) {
    for (const [method, { operationId, responses, security }] of Object.entries(item)) {
      assert.ok(!ids.has(operationId), operationId);
      ids.add(operationId);
      const isOpen = operationId === "logIn" || path.startsWith("/status.");
      const wanted = isOpen ? [] : [{ bearer: [] }, { session: [] }];
      assert.deepEqual(security, wanted, path);
      if (path.startsWith("/status.")) continue;
      const refusals = method === "get" ? ["400", "401", "429"] : ["400", "401", "403", "429"];
      for (const status of refusals) assert.ok(status in responses, `${method} ${path} ${status}`);
    }
  }
});

test("what operations answer is what the document says", async () => {
  const { paths, components } = await readDocument();
  const defs = closed(components.schemas);
  await send("POST", "/v1/keys", { plan: "pro", owner: "acme" });
  const token = (await (await send("POST", "/v1/tokens", { name: "y" })).json()) as { id: string };
  await fake.store.events.add([{ atMs: 1, kind: "region", subject: "seoul", detail: "up" }]);
  const ids: Record<string, string> = {
    ...{ "/v1/keys/": "k_0001", "/v1/tokens/": token.id, "/v1/owners/": "acme" },
    ...{ "/v1/plans/": "pro", "/v1/regions/": "seoul" },
  };
  let checked = 0;
  for (const [path, item] of Object.entries(paths)) {
    const named = path.replace(/\{\w+\}/, ids[path.slice(0, path.indexOf("{"))] ?? "");
    for (const [method, { operationId, responses }] of Object.entries(item)) {
      const response = await send(method.toUpperCase(), named, bodies[operationId]);
      const documented = responses[String(response.status)];
      assert.ok(documented !== undefined, `${operationId} answers ${response.status}`);
      const type = (response.headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
      const schema = documented.content?.[type]?.schema;
      if (!type.endsWith("json")) continue;
      assert.ok(schema !== undefined, `${operationId} answers ${type}`);
      const whole = { ...(closed(schema) as Json), $defs: defs };
      const result = z.fromJSONSchema(whole as never).safeParse(await response.json());
      assert.ok(result.success, `${operationId}: ${result.error?.message}`);
      checked++;
    }
  }
  assert.ok(checked >= 20, `${checked}`);
});
