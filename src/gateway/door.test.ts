import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hopByHopFields } from "../access/field-names.ts";
import { Door } from "./door.ts";
import { forwardHeaders, forwardRules } from "./forward-headers.ts";
import { connectionOptions } from "./reply-fields.ts";
import { FakeExchange } from "./testing/fake-exchange.ts";
import { PipelineRig } from "./testing/pipeline-rig.ts";

type Field = readonly [name: string, value: string];

const fieldNames = [
  ...["Host", "Content-Length", "Transfer-Encoding", "Expect", "Authorization", "X-Api-Key"],
  ...["Connection", "Keep-Alive", "TE", "Upgrade", "Via", "Forwarded", "X-Forwarded-For"],
  ...["X-Tallygate-A", "X-Request-Id", "traceparent", "tracestate", "Cookie", "X_A", "X-B", "c"],
  ...["__proto__", "constructor", "Proxy-Authorization", "Trailer", "Referer", "Origin"],
];
const values = [
  ...["", "a", "api.example.com", "5", "0", "-1", "5, 5", "99999999999999999999", "chunked"],
  ...["gzip, chunked", "100-continue", "close, X-B", "x-b,c , host", "Bearer a", "Basic a", "é"],
  ...["1.2.3.4", "unknown", "for=a", "null", "https://a.test", "\\", '"', "trailers", ", ,"],
];

const field: fc.Arbitrary<Field> = fc.tuple(
  fc.constantFrom(...fieldNames),
  fc.oneof(fc.constantFrom(...values), fc.string({ maxLength: 8 })),
);
const request = fc.record({
  fields: fc.array(field, { maxLength: 8 }),
  hasHost: fc.boolean(),
  httpVersion: fc.constantFrom("1.1", "1.1", "1.0", "0.9", "2.0"),
});

function listOf(fields: readonly Field[], hasHost: boolean): Field[] {
  return hasHost ? [["Host", "api.example.com"], ...fields] : [...fields];
}

function count(fields: readonly Field[], name: string): number {
  return fields.filter(([given]) => given.toLowerCase() === name).length;
}

test("what the door lets in has one host, one framing and one of each credential, in whatever order and case", async () => {
  const { config } = await PipelineRig.create();
  const door = new Door(config);
  const check = (fields: readonly Field[], httpVersion: string) =>
    door.check(
      new FakeExchange({ target: "/a", headers: fields.flat(), httpVersion, host: false }),
    );
  fc.assert(
    fc.property(request, fc.func(fc.nat()), ({ fields, hasHost, httpVersion }, rank) => {
      const list = listOf(fields, hasHost);
      const verdict = check(list, httpVersion);
      const turned = list
        .toSorted((a, b) => rank(a.join()) - rank(b.join()))
        .map(([name, value]): Field => [name.toUpperCase(), value]);
      // Which fault is told may depend on the order of fields of one name; whether there is one does not.
      assert.equal(check(turned, httpVersion) === undefined, verdict === undefined);
      if (verdict !== undefined) return;
      const framings = count(list, "content-length") + count(list, "transfer-encoding");
      assert.ok(framings <= 1);
      for (const name of ["host", "authorization", "x-api-key"]) assert.ok(count(list, name) <= 1);
      assert.ok(count(list, "host") === 1 || httpVersion === "1.0");
      assert.ok(list.every(([name]) => !name.includes("_")));
    }),
    { numRuns: 3_000 },
  );
});

const forwarded = {
  address: "192.0.2.9",
  protocol: "https",
  host: "api.example.com",
  requestId: "id-1",
  traceparent: "",
};

test("what goes on is the caller's own fields, unchanged and in order, and the gateway's once each", async () => {
  const { config } = await PipelineRig.create();
  const rules = forwardRules(config.keys.from, false);
  const ours = {
    forwarded: 'for=192.0.2.9;proto=https;host="api.example.com"',
    "x-forwarded-for": "192.0.2.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "api.example.com",
    "x-request-id": "id-1",
    traceparent: "00-1-2-00",
  };
  const ownNames = new Set([...Object.keys(ours), "via", "host", "expect", "x-api-key"]);
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const of = { forwarded, traceParent: "00-1-2-00", isTraced: false };
      const flat = forwardHeaders(fields.flat(), rules, of);
      const out = flat.flatMap((name, i): Field[] => (i % 2 ? [] : [[name, flat[i + 1] ?? ""]]));
      for (const [name, value] of Object.entries(ours)) {
        assert.deepEqual(
          out.filter(([given]) => given === name),
          [[name, value]],
        );
      }
      assert.equal(count(out, "via"), 1);
      const named = fields
        .filter(([name]) => name === "Connection")
        .flatMap(([, value]) => connectionOptions(value));
      const isTheirs = ([name, value]: Field): boolean =>
        !hopByHopFields.has(name) &&
        !named.includes(name) &&
        !ownNames.has(name) &&
        !/^(x-tallygate-|tracestate$)/.test(name) &&
        !(name === "authorization" && /^bearer /i.test(value));
      const lower = fields.map(([name, value]): Field => [name.toLowerCase(), value]);
      assert.deepEqual(
        out.filter(([name]) => !ownNames.has(name)),
        lower.filter(isTheirs),
      );
    }),
    { numRuns: 3_000 },
  );
});
