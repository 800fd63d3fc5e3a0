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
import { callRaw, fieldOf, type RawMessage, readMessages, type Step } from "../support/raw-http.ts";
import { caseGroups } from "./cases/all.ts";
import { forwardedBy } from "./cases/case.ts";
import { listenerOfCases } from "./cases/time-and-size.ts";
import { type OddRequest, oddRequest } from "./generate.ts";
import { Peer, peersMissing } from "./peers.ts";
import { DoorRig } from "./rig.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const generated = isLong ? 10_000 : 300;
const seed = 20_261_127;

/** Requests on one connection, in one packet: as many as an upstream's limit on calls at once always has room for. */
const together = 4;

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
    steps: readonly Step[],
    { answers, from }: { readonly answers: number; readonly from?: string | undefined },
  ): Promise<{ readonly requests: readonly RawMessage[]; readonly text: string }> {
    rig.recorder.requests = [];
    const isEnough = (text: string) => answers > 0 && readMessages(text).messages.length >= answers;
    const answer = await callRaw({
      ...{ port: rig.port, steps, isEnough, withinMs: 20_000 },
      ...(from !== undefined && { localAddress: from }),
    });
    const { requests } = rig.recorder;
    for (const peer of peers) {
      peer.recorder.requests = [];
      let text = "";
      for (const connection of untilClosed(requests.map((request) => request.text))) {
        text = await peer.read(connection.join(""), connection.length);
      }
      const seen = peer.recorder.requests;
      assert.equal(
        seen.length,
        requests.length,
        `${peer.name}: ${text.slice(-1_000)} ${peer.output}`,
      );
      for (const [i, request] of requests.entries()) assertSame(seen[i] as RawMessage, request);
    }
    compared += requests.length;
    return { requests, text: answer.text };
  }

  test("every case of the table that is let in", async () => {
    for (const { letter, cases } of caseGroups) {
      for (const [i, of] of cases.entries()) {
        // Those of L are of odd replies, to plain requests.
        if (of.toHub === true || of.upstream !== undefined || forwardedBy(of) === 0) continue;
        const steps = of.send.map((step) => (typeof step === "string" ? rig.fill(step) : step));
        const { requests, text } = await forward(steps, {
          answers: of.answer.length,
          from: of.from,
        });
        assert.equal(requests.length, forwardedBy(of), `${letter}${i + 1} ${text.slice(0, 1_000)}`);
      }
    }
  });

  test(`${generated} generated requests`, async () => {
    const random = seededRandom(seed);
    const key = rig.keys["key"] ?? "";
    for (let left = generated; left > 0; left -= together) {
      const sent = Array.from({ length: Math.min(left, together) }, (_, number) =>
        oddRequest(random, { key, number }),
      );
      const bytes = sent.map((request) => request.bytes);
      const { requests, text } = await forward([bytes.join("")], { answers: sent.length });
      assert.equal(requests.length, sent.length, `${JSON.stringify(bytes)} ${text.slice(-1_000)}`);
      // Forwarded at once, on connections that finish in any order.
      const meant = new Map(sent.map((request) => [request.target, request]));
      for (const request of requests) {
        const [method = "", target = ""] = request.start.split(" ");
        const own = meant.get(target);
        assert.ok(own, `${request.start} was never sent`);
        assert.equal(method, own.method);
        assert.equal(request.body, own.body);
        assertMeant(request, own);
      }
    }
  });

  test("in all", (t) => {
    t.diagnostic(`figure: ${compared} requests, 0 read differently by nginx or HAProxy`);
  });
});

/** By connection: behind a request that says `close` (undici closes behind every HEAD) the rest goes on another. */
function untilClosed(texts: readonly string[]): string[][] {
  const connections: string[][] = [];
  let current: string[] | undefined;
  for (const text of texts) {
    if (current === undefined) connections.push((current = []));
    current.push(text);
    if (/\r\nconnection: close\r\n/i.test(text)) current = undefined;
  }
  return connections;
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
