/** What every transport of the link must do. Reconnecting and sending again are not the transport's. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { ErrorCode } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import type { ProducerId } from "../base/words.ts";
import {
  type GatewayEnd,
  type GatewayMessage,
  type HubEnd,
  type HubMessage,
  type LinkAcceptor,
  type LinkDialer,
  type LinkEnd,
  type LinkPeer,
  linkMessageMaxBytes,
} from "../ports/link.ts";

/** A hub that waits, and the means to reach it. */
export interface LinkHarness {
  readonly acceptor: LinkAcceptor;
  /** Default: the right token, and for each producer a secret that is always the same. */
  dialer(options: {
    readonly producer: ProducerId;
    readonly joinToken?: "wrong";
    readonly secret?: "wrong";
  }): LinkDialer;
  /** A dialer to where no hub is. */
  readonly nowhere: LinkDialer;
  close(): Promise<void>;
}

interface Received<In> {
  readonly message: In;
  readonly payload: Uint8Array;
}

interface Connected {
  readonly gateway: GatewayEnd;
  readonly hub: HubEnd;
  readonly peer: LinkPeer;
}

const incarnation = "00112233445566ff";

export function linkConformance(name: string, open: () => Promise<LinkHarness>): void {
  suite(`link: ${name}`, () => {
    let harness: LinkHarness;
    let accept: (end: HubEnd, peer: LinkPeer) => void = () => {};
    let accepted = 0;
    let producers = 0;
    before(async () => {
      harness = await open();
      harness.acceptor.onConnection((end, peer) => {
        accepted++;
        accept(end, peer);
      });
    });
    after(() => harness.close());

    const newProducer = (): ProducerId => (++producers).toString(16).padStart(32, "0");
    const connect = async (producer = newProducer()): Promise<Connected> => {
      const hubSide = new Promise<{ hub: HubEnd; peer: LinkPeer }>((resolve) => {
        accept = (hub, peer) => resolve({ hub, peer });
      });
      const gateway = await harness.dialer({ producer }).connect();
      return { gateway, ...(await hubSide) };
    };

    test("the hub is told the producer that was proved", async () => {
      const producer = newProducer();
      const { gateway, peer } = await connect(producer);
      assert.equal(peer.producer, producer);
      gateway.close("done");
    });

    test("messages arrive once, whole and in order, in both directions", async () => {
      const { gateway, hub } = await connect();
      const random = seededRandom(7);
      const up: Received<GatewayMessage>[] = [];
      const down: Received<HubMessage>[] = [];
      for (let seq = 1; seq <= 200; seq++) {
        const payload = Uint8Array.from({ length: random.below(3000) }, () => random.below(256));
        up.push({ message: { kind: "batch", incarnation, seq }, payload });
        down.push({ message: { kind: "registry", version: seq, last: seq === 200 }, payload });
      }
      const atHub = collect(hub, up.length);
      const atGateway = collect(gateway, down.length);
      for (const { message, payload } of up) gateway.send(message, payload);
      for (const { message, payload } of down) hub.send(message, payload);
      assert.deepEqual(await atHub, up);
      assert.deepEqual(await atGateway, down);
      gateway.close("done");
    });

    test("a message without payload has an empty one; text is any Unicode", async () => {
      const { gateway, hub } = await connect();
      const received = collect(gateway, 2);
      hub.send({ kind: "update" });
      hub.send({ kind: "refused", code: "x", detail: "zażółć 🌏 \u0000" }, new Uint8Array(0));
      assert.deepEqual(await received, [
        { message: { kind: "update" }, payload: new Uint8Array(0) },
        {
          message: { kind: "refused", code: "x", detail: "zażółć 🌏 \u0000" },
          payload: new Uint8Array(0),
        },
      ]);
      gateway.close("done");
    });

    test("optional fields arrive as they were sent", async () => {
      const { gateway, hub } = await connect();
      const received = collect(gateway, 2);
      const reply = { kind: "heartbeat-reply", id: 1, sentAtMs: 1.5, hubTimeMs: 2 } as const;
      hub.send({ ...reply, backup: undefined });
      hub.send({ ...reply, backup: [[incarnation, 3]] });
      const messages = (await received).map((each) => each.message);
      assert.deepEqual(messages, [
        { ...reply, backup: undefined },
        { ...reply, backup: [[incarnation, 3]] },
      ]);
      gateway.close("done");
    });

    test("a message of the largest size arrives, both ways", async () => {
      const { gateway, hub } = await connect();
      const payload = new Uint8Array(linkMessageMaxBytes - 1024).map((_, i) => i * 31);
      const atHub = collect(hub, 1);
      const atGateway = collect(gateway, 1);
      gateway.send({ kind: "batch", incarnation, seq: 1 }, payload);
      hub.send({ kind: "update" }, payload);
      assert.ok(Buffer.from(payload).equals((await atHub)[0]?.payload as Uint8Array));
      assert.ok(Buffer.from(payload).equals((await atGateway)[0]?.payload as Uint8Array));
      gateway.close("done");
    });

    test("sender and receiver own their payloads: neither sees what the other writes", async () => {
      const { gateway, hub } = await connect();
      const received = collect(hub, 2);
      const payload = Uint8Array.of(1, 2, 3);
      gateway.send({ kind: "batch", incarnation, seq: 1 }, payload);
      payload.fill(9);
      gateway.send({ kind: "batch", incarnation, seq: 2 }, payload);
      const [first, second] = await received;
      assert.deepEqual(first?.payload, Uint8Array.of(1, 2, 3));
      assert.equal(first?.payload.buffer.byteLength, 3);
      assert.notEqual(first?.payload.buffer, second?.payload.buffer);
      gateway.close("done");
    });

    test("what is sent at once after connecting is not lost", async () => {
      const producer = newProducer();
      const received = new Promise<Received<GatewayMessage>[]>((resolve) => {
        accept = (end) => {
          end.send({ kind: "update" });
          resolve(collect(end, 1));
        };
      });
      const gateway = await harness.dialer({ producer }).connect();
      const greeted = collect(gateway, 1);
      gateway.send({ kind: "snapshot-request" });
      assert.equal((await greeted)[0]?.message.kind, "update");
      assert.equal((await received)[0]?.message.kind, "snapshot-request");
      gateway.close("done");
    });

    for (const closing of ["gateway", "hub"] as const) {
      test(`the ${closing} closes: what was sent before arrives, then both are told once`, async () => {
        const ends = await connect();
        const [mine, theirs]: [LinkEnd<object, object>, LinkEnd<object, object>] =
          closing === "gateway" ? [ends.gateway, ends.hub] : [ends.hub, ends.gateway];
        const events: string[] = [];
        const told = { mine: 0 };
        mine.onMessage(() => events.push("message to the closed end"));
        theirs.onMessage(() => events.push("message"));
        const closedHere = new Promise<void>((resolve) => {
          mine.onClose(() => {
            told.mine++;
            resolve();
          });
        });
        const closedThere = new Promise<void>((resolve) => {
          theirs.onClose((reason) => {
            events.push(`closed: ${reason}`);
            resolve();
          });
        });
        const sent = closing === "gateway" ? { kind: "snapshot-request" } : { kind: "update" };
        mine.send(sent);
        mine.send(sent);
        mine.close("enough");
        assert.equal(told.mine, 0, "not from within close");
        mine.send(sent);
        mine.close("again");
        await Promise.all([closedHere, closedThere]);
        theirs.send(sent);
        theirs.close("too late");
        assert.deepEqual(events, ["message", "message", "closed: enough"]);
        assert.equal(told.mine, 1);
      });
    }

    test("once all has arrived, nothing is buffered", async () => {
      const { gateway, hub } = await connect();
      const received = collect(hub, 50);
      for (let seq = 1; seq <= 50; seq++) {
        gateway.send({ kind: "batch", incarnation, seq }, new Uint8Array(10_000));
      }
      await received;
      assert.equal(gateway.bufferedBytes, 0);
      gateway.close("done");
    });

    test("of two connections of one producer the newer wins, and the older is told first", async () => {
      const producer = newProducer();
      const old = await connect(producer);
      const order: string[] = [];
      const closedAtGateway = new Promise((resolve) => old.gateway.onClose(resolve));
      old.gateway.onMessage(() => {});
      old.hub.onClose(() => order.push("old closed"));
      accept = () => order.push("new connected");
      const next = await harness.dialer({ producer }).connect();
      await closedAtGateway;
      assert.deepEqual(order, ["old closed", "new connected"]);
      next.close("done");
    });

    test("without the join token or the producer's own secret nobody gets in", async () => {
      const producer = newProducer();
      const right = await connect(producer);
      const before = accepted;
      const rejected: [Parameters<LinkHarness["dialer"]>[0], ErrorCode][] = [
        [{ producer, joinToken: "wrong" }, "join-refused"],
        [{ producer: newProducer(), joinToken: "wrong" }, "join-refused"],
        [{ producer, secret: "wrong" }, "producer-refused"],
        [{ producer: "not hex" }, "producer-refused"],
      ];
      for (const [options, code] of rejected) {
        await assert.rejects(harness.dialer(options).connect(), { code });
      }
      assert.equal(accepted, before);
      // The one whose id was claimed is not disturbed.
      const received = collect(right.hub, 1);
      right.gateway.send({ kind: "snapshot-request" });
      assert.equal((await received).length, 1);
      right.gateway.close("done");
    });

    test("a hub that is not there is unreachable", async () => {
      await assert.rejects(harness.nowhere.connect(), { code: "hub-unreachable" });
    });
  });
}

function collect<Out, In>(end: LinkEnd<Out, In>, count: number): Promise<Received<In>[]> {
  return new Promise((resolve) => {
    const all: Received<In>[] = [];
    end.onMessage((message, payload) => {
      all.push({ message, payload });
      if (all.length === count) resolve(all);
    });
  });
}
