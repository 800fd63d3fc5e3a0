import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../base/hash.ts";
import { linkHeaderMaxBytes, linkMessageMaxBytes } from "../../ports/link.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { parseGatewayMessage, parseHubMessage } from "./messages.ts";

test("what is encoded is decoded", () => {
  const header = fc.record(
    { kind: fc.string({ unit: "binary" }), id: fc.integer() },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 300 }), (message, payload) => {
      const frame = decodeFrame(encodeFrame(message, payload));
      assert.deepEqual(frame?.header, message);
      assert.deepEqual(Buffer.from(frame?.payload ?? []), Buffer.from(payload));
    }),
  );
});

test("any bytes are decoded or refused, and any JSON is parsed or refused, without a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      decodeFrame(Buffer.from(bytes));
    }),
  );
  const kinds = ["hello", "batch", "heartbeat", "audit-reply", "welcome", "registry", "audit"];
  const header = fc.oneof(
    fc.jsonValue(),
    fc.record({ kind: fc.constantFrom(...kinds), view: fc.jsonValue(), windows: fc.jsonValue() }),
  );
  fc.assert(
    fc.property(header, (value) => {
      assert.equal(parseHubMessage(value).ok && parseGatewayMessage(value).ok, false);
    }),
  );
});

test("a flipped bit anywhere is noticed, in digits of the header, too", () => {
  const header = { kind: "heartbeat-reply", id: 7, sentAtMs: 12.5, hubTimeMs: 1_795_749_670_683 };
  const frame = encodeFrame(header, Buffer.from("payload"));
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const damaged = Buffer.from(frame);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(decodeFrame(damaged), undefined, `bit ${bit}`);
  }
});

test("deep nesting is refused, not a stack overflow", () => {
  const json = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(json.length, 0);
  prefix.writeUInt32LE(crc32(Buffer.from(json)), 4);
  const frame = decodeFrame(Buffer.concat([prefix, Buffer.from(json)]));
  assert.notEqual(frame, undefined);
  assert.equal(parseGatewayMessage(frame?.header).ok, false);
});

test("the bounds of header and message hold for the sender", () => {
  const around = Buffer.byteLength('{"a":""}');
  encodeFrame({ a: "x".repeat(linkHeaderMaxBytes - around) });
  assert.throws(() => encodeFrame({ a: "x".repeat(linkHeaderMaxBytes - around + 1) }), /header of/);
  encodeFrame({}, new Uint8Array(linkMessageMaxBytes - 10));
  assert.throws(() => encodeFrame({}, new Uint8Array(linkMessageMaxBytes - 9)), /message of/);
});
