import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { CompiledConfig } from "./compiled-config.ts";
import { type CompileResult, compileConfig, compileConfigValue } from "./config.ts";
import { problemsMax } from "./config-problem.ts";
import { configJsonSchema } from "./config-schema.ts";
import { configLengthMax } from "./config-source.ts";
import { defaultConfig } from "./default-config.ts";

const folder = new URL("./testdata/config/", import.meta.url);
const environment = { HOST: "127.0.0.1", QUOTA: "15", EMPTY: "" };
const handlers = new Set(["bulk.ts", "lookup.ts", "/etc/tallygate/lookup.ts"]);

function compile(text: string, file = "tallygate.yaml"): CompileResult {
  const format = file.endsWith(".json") ? "json" : "yaml";
  return compileConfig(text, { file, format, environment, fileExists: (p) => handlers.has(p) });
}

function compiled(text: string, file?: string): CompiledConfig {
  const result = compile(text, file);
  if ("problems" in result) assert.fail(result.problems.map((p) => p.message).join("\n"));
  return result.config;
}

function messages(result: CompileResult): string[] {
  return "problems" in result ? result.problems.map((problem) => problem.message) : [];
}

/**
 * Each file of the folder beside a `.txt` with the messages expected of it. To accept a change on
 * purpose: UPDATE_GOLDEN=1, then read the difference.
 */
for (const name of readdirSync(folder).filter((file) => !file.endsWith(".txt"))) {
  test(`${name}: every problem names file, line, column, path, what was found and expected`, () => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const actual = messages(compile(text, name))
      .map((line) => `${line}\n`)
      .join("");
    const golden = new URL(`${name}.txt`, folder);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, actual);
    assert.equal(actual, existsSync(golden) ? readFileSync(golden, "utf8") : "no golden file");
  });
}

const contract = readFileSync(new URL("contract.yaml", folder), "utf8");

test("the contract's example compiles, with every default filled in", () => {
  const config = compiled(contract);
  assert.deepEqual(
    config.plans.map((plan) => [plan.name, plan.limits.length]),
    [
      ["anonymous", 10],
      ["free", 1],
      ["pro", 1],
      ["exact", 1],
    ],
  );
  assert.equal(config.anonymousPlan, config.plans[0]);
  assert.deepEqual(config.dimensions, ["ip", "referer", "ip/56", "ip/48", "key"]);
  const [day, , site, burst] = config.plans[0]?.limits ?? [];
  assert.deepEqual(day, {
    name: "day",
    counter: 0,
    quota: 1500,
    sharedQuota: 1_500_000,
    enforcement: "soft",
    stalenessMs: 0,
    onFailure: "deny",
    missing: "deny",
  });
  assert.equal(site?.missing, "skip");
  assert.equal(config.plans[0]?.counters[burst?.counter ?? 0]?.scope, "region");
  assert.equal(config.plans[3]?.limits[0]?.enforcement, "strict");
  assert.deepEqual(config.hub, {
    listen: { host: "127.0.0.1", port: 8080 },
    url: "http://127.0.0.1:8080",
    tls: undefined,
    link: { caFile: undefined, certificate: undefined },
  });
  assert.deepEqual(config.regions[1], {
    name: "seoul",
    listen: { host: "127.0.0.1", port: 8082 },
    operations: { host: "127.0.0.1", port: 8182 },
    processes: 1,
    url: "",
    tls: undefined,
    location: undefined,
    proxyProtocol: false,
  });
  assert.deepEqual(config.keys.from, [
    { kind: "header", name: "x-api-key" },
    { kind: "bearer" },
    { kind: "query", name: "api-key" },
  ]);
  assert.deepEqual(config.routes[1], {
    index: 1,
    path: "/bulk",
    methods: ["POST"],
    target: { kind: "handler", file: "bulk.ts" },
    cost: 100,
    refundOn: ["not-attempted"],
    bodyMaxBytes: 16 * 2 ** 20,
    requestFields: undefined,
    responseFields: undefined,
    cors: undefined,
    timeoutMs: 30_000,
  });
  assert.deepEqual(config.journal, {
    flushIntervalMs: 50,
    sizeMaxBytes: 2 ** 33,
    retentionMs: 86_400_000,
  });
});

const minimal = `version: 1
regions: { sydney: { listen: 127.0.0.1:8081 } }
plans: { free: { limits: [{ name: day, per: key, quota: 5, window: day }] } }
routes: [{ path: /a, handler: ./lookup.ts }]
`;

test("limits on one subject, window and scope share a counter, however they are written", () => {
  const limits = [
    "{ name: a, per: 'header:X-Team', quota: 5, window: minute }",
    "{ name: b, per: 'header:x-team', quota: 9, window: 60s, enforcement: shadow }",
    "{ name: c, per: 'header:x-team', quota: 9, window: 60s, scope: region }",
  ];
  const config = compiled(minimal.replace(/\{ name: day.*day \}/, limits.join(", ")));
  assert.deepEqual(
    config.plans[0]?.limits.map((limit) => limit.counter),
    [0, 0, 1],
  );
  assert.deepEqual(config.dimensions, ["header:x-team"]);
});

test("JSON, YAML and a module's value compile to the same", () => {
  const yaml = compiled(minimal);
  const value = {
    version: 1,
    regions: { sydney: { listen: "127.0.0.1:8081" } },
    plans: { free: { limits: [{ name: "day", per: "key", quota: 5, window: "day" }] } },
    routes: [{ path: "/a", handler: "./lookup.ts" }],
  };
  assert.deepEqual(compiled(JSON.stringify(value), "c.json"), yaml);
  const options = { file: "tallygate.ts", fileExists: () => true };
  assert.deepEqual(compileConfigValue(value, options), { config: yaml });
  const wrong = compileConfigValue({ ...value, version: 3 }, options);
  assert.deepEqual(messages(wrong), ["tallygate.ts: version: found 3, expected 1"]);
});

test("the environment fills in values, numbers where they stand bare, and never the text around", () => {
  const text = minimal
    .replace("127.0.0.1:8081", "${HOST}:8081")
    .replace("quota: 5", "quota: ${QUOTA}")
    .concat("signup: 'https://${HOST}/$${HOST}'\n");
  const config = compiled(text);
  assert.equal(config.regions[0]?.listen.host, "127.0.0.1");
  assert.equal(config.plans[0]?.limits[0]?.quota, 15);
  assert.equal(config.signup, "https://127.0.0.1/${HOST}");
});

test("handlers are resolved against the file's folder", () => {
  const asked: string[] = [];
  const fileExists = (path: string) => asked.push(path) > 0;
  const options = { environment: {}, format: "yaml", fileExists } as const;
  for (const [file, handler] of [
    ["/etc/tallygate/tallygate.yaml", "./lookup.ts"],
    ["/etc/tallygate/tallygate.yaml", "../shared/lookup.ts"],
    ["/etc/tallygate/tallygate.yaml", "/opt/lookup.ts"],
    ["conf/tallygate.yaml", "../lookup.ts"],
    ["tallygate.yaml", "../lookup.ts"],
  ] as const) {
    compileConfig(minimal.replace("./lookup.ts", handler), { ...options, file });
  }
  assert.deepEqual(asked, [
    "/etc/tallygate/lookup.ts",
    "/etc/shared/lookup.ts",
    "/opt/lookup.ts",
    "lookup.ts",
    "../lookup.ts",
  ]);
});

test("files without bound are refused: long, deep, or with problems without end", () => {
  assert.match(messages(compile("#".repeat(configLengthMax + 1)))[0] ?? "", /at most 1048576/);
  assert.deepEqual(messages(compile("[".repeat(100_000))).length, 1);
  const many = Array.from({ length: 200 }, (_, i) => `extra${i}: 1\n`).join("");
  assert.equal(messages(compile(minimal + many)).length, problemsMax);
});

test("the JSON Schema describes every field", () => {
  const undescribed: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    const properties = (schema.properties ?? {}) as Record<string, Record<string, unknown>>;
    for (const [name, field] of Object.entries(properties)) {
      if (typeof field.description !== "string") undescribed.push(`${path}${name}`);
      walk(field, `${path}${name}.`);
    }
    for (const inner of ["items", "additionalProperties"]) {
      const next = schema[inner];
      if (typeof next === "object" && next !== null) walk(next as Record<string, unknown>, path);
    }
  };
  walk(configJsonSchema(), "");
  assert.deepEqual(undescribed, []);
  assert.equal(configJsonSchema().additionalProperties, false);
});

test("what init writes compiles, and so do its commented parts", () => {
  assert.deepEqual(messages(compile(defaultConfig)), []);
  const uncommented = defaultConfig.replace(/^#: ?/gm, "");
  assert.notEqual(uncommented, defaultConfig);
  assert.deepEqual(messages(compile(uncommented)), []);
});

test("no text and no value makes the compiler throw, and every problem says where", () => {
  const place = fc.nat({ max: contract.length });
  const cut = fc.tuple(place, fc.nat({ max: 8 }), fc.string({ maxLength: 6 }));
  const edited = fc.array(cut, { minLength: 1, maxLength: 3 }).map((edits) => {
    let text = contract;
    for (const [at, count, added] of edits)
      text = text.slice(0, at) + added + text.slice(at + count);
    return text;
  });
  fc.assert(
    fc.property(fc.oneof(edited, fc.string()), (text) => {
      const result = compile(text);
      if (!("problems" in result)) return;
      assert.ok(result.problems.length > 0);
      for (const { line, column } of result.problems) assert.ok(line >= 1 && column >= 1);
    }),
    { numRuns: 300 },
  );
  const options = { file: "tallygate.ts", fileExists: () => true };
  fc.assert(
    fc.property(fc.anything(), (value) => {
      assert.ok(messages(compileConfigValue(value, options)).length > 0);
    }),
  );
});
