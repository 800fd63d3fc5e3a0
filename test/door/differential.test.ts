/**
 * Issue, row 2: what the gateway forwarded, read again by nginx and HAProxy: as many requests, with the same method, target,
 * fields and body, as the recording upstream saw and as the client meant. For every case of the table that is let in, and
 * for generated requests written in every way that is allowed.
 *
 * Everyday form: 300 generated; `TALLYGATE_LONG=1`: 10,000.
 */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { callRaw, fieldOf, type RawMessage, readMessages } from "../support/raw-http.ts";
import { caseGroups } from "./cases/all.ts";
import { forwardedBy } from "./cases/case.ts";
import { listenerOfCases } from "./cases/time-and-size.ts";
import { type OddRequest, oddRequest } from "./generate.ts";
import { Peer, peersMissing } from "./peers.ts";
import { DoorRig } from "./rig.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const generated = isLong ? 10_000 : 300;
const seed = 20_261_127;

/** Requests on one connection to the gateway, and so to a peer. */
const together = 25;

const skip = (await peersMissing()) ?? false;

suite("what was forwarded reads the same to nginx and HAProxy", {
  skip,
  timeout: 1_800_000,
}, () => {
  let rig: DoorRig;
  let peers: readonly Peer[] = [];
  let compared = 0;

  before(async () => {
    rig = await DoorRig.start({ listener: listenerOfCases });
    peers = await Promise.all([Peer.start("nginx"), Peer.start("haproxy")]);
  });
  after(async () => {
    for (const peer of peers) await peer.stop();
    await rig?.stop();
  });

  /** Sends it all to the gateway; what it forwarded goes to the peers. Returns what was forwarded. */
  async function forward(
    bytes: readonly string[],
    answers: number,
  ): Promise<{ readonly requests: readonly RawMessage[]; readonly text: string }> {
    rig.recorder.requests = [];
    rig.recorder.bytes = "";
    const isEnough = (text: string) => readMessages(text).messages.length >= answers;
    const answer = await callRaw({ port: rig.port, steps: bytes, isEnough, withinMs: 20_000 });
    const { requests } = rig.recorder;
    for (const peer of peers) {
      peer.recorder.requests = [];
      const text = await peer.read(rig.recorder.bytes, requests.length);
      const seen = peer.recorder.requests;
      assert.equal(
        seen.length,
        requests.length,
        `${peer.name}: ${text.slice(0, 500)} ${peer.output}`,
      );
      for (const [i, request] of requests.entries()) assertSame(seen[i] as RawMessage, request);
    }
    compared += requests.length;
    return { requests, text: answer.text };
  }

  test("every case of the table that is let in", async () => {
    for (const { letter, cases } of caseGroups) {
      for (const [i, of] of cases.entries()) {
        const isBytes = of.send.every((step) => typeof step === "string");
        if (of.toHub === true || forwardedBy(of) === 0 || !isBytes) continue;
        const bytes = of.send.map((step) => rig.fill(step as string));
        const { requests } = await forward(bytes, of.answer.length);
        assert.equal(requests.length, forwardedBy(of), `${letter}${i + 1}`);
      }
    }
  });

  test(`${generated} generated requests`, async () => {
    const random = seededRandom(seed);
    const key = rig.keys["key"] ?? "";
    for (let left = generated; left > 0; left -= together) {
      const sent = Array.from({ length: Math.min(left, together) }, () => oddRequest(random, key));
      const bytes = sent.map((request) => request.bytes);
      const { requests, text } = await forward([bytes.join("")], sent.length);
      assert.equal(requests.length, sent.length, `${JSON.stringify(bytes)} ${text.slice(-1_000)}`);
      // Forwarded at once, on connections that finish in any order.
      const meant = new Map(sent.map((request) => [keyOf(request), request]));
      for (const request of requests) {
        const [method = "", target = ""] = request.start.split(" ");
        const own = meant.get(keyOf({ method, target, body: request.body }));
        assert.ok(own, `${request.start} was never sent`);
        assertMeant(request, own);
      }
    }
  });

  test("in all", (t) => {
    t.diagnostic(`figure: ${compared} requests, 0 read differently by nginx or HAProxy`);
  });
});

function keyOf({ method, target, body }: Pick<OddRequest, "method" | "target" | "body">): string {
  return JSON.stringify([method, target, body]);
}

/** Fields that a proxy may write anew, since they are of the connection. */
const ofConnection = new Set(["connection", "transfer-encoding", "content-length", "keep-alive"]);

function endToEnd(message: RawMessage): string[] {
  return message.fields
    .filter(([name]) => !ofConnection.has(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .toSorted();
}

function assertSame(seen: RawMessage, request: RawMessage): void {
  assert.equal(seen.start, request.start);
  assert.equal(seen.body, request.body);
  assert.deepEqual(endToEnd(seen), endToEnd(request));
}

/** The gateway's own fields come on top of the client's. */
function assertMeant(request: RawMessage, own: OddRequest): void {
  const wanted = new Map<string, string>();
  for (const [name, value] of own.fields) {
    const before = wanted.get(name);
    wanted.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  for (const [name, value] of wanted) assert.equal(fieldOf(request, name), value, name);
  assert.equal(fieldOf(request, "x-api-key"), undefined);
  assert.equal(fieldOf(request, "x-forwarded-host"), "api.example.com");
}
