import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayEnd, GatewayMessage } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import { inFlightMaxBatches, Sender } from "./sender.ts";
import { MemoryJournal } from "./testing/memory-journal.ts";

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

class FakeEnd {
  readonly sent: string[] = [];
  bufferedBytes = 0;
  send(message: GatewayMessage): void {
    if (message.kind === "batch") this.sent.push(`${message.incarnation[0]}${message.seq}`);
    if (message.kind === "lost") this.sent.push(`lost ${message.from}-${message.to}`);
  }
  onMessage(): void {}
  onClose(): void {}
  close(): void {}
}

function fixture() {
  const journal = new MemoryJournal("new");
  const end = new FakeEnd();
  return { journal, end, sender: new Sender(journal, silent), link: end as unknown as GatewayEnd };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function seal(journal: MemoryJournal, sender: Sender, seq: number): void {
  const bytes = new Uint8Array(10);
  journal.put(journal.incarnation, seq, bytes);
  sender.sealed(seq, bytes);
}

test("a sealed batch goes out once, from memory", async () => {
  const { journal, end, sender, link } = fixture();
  sender.connected(link, []);
  seal(journal, sender, 1);
  seal(journal, sender, 2);
  sender.pump();
  await settled();
  assert.deepEqual(end.sent, ["n1", "n2"]);
  assert.equal(journal.reads, 0);
});

test("after a reconnect everything above the hub's watermark goes out again, older incarnations first", async () => {
  const { journal, end, sender, link } = fixture();
  journal.batches.clear();
  for (const seq of [3, 4]) journal.put("old", seq, new Uint8Array(10));
  for (const seq of [1, 2, 3]) journal.put("new", seq, new Uint8Array(10));
  sender.connected(link, [
    ["old", 2],
    ["new", 1],
  ]);
  await settled();
  assert.deepEqual(end.sent, ["o3", "o4", "n2", "n3"]);
});

test("a resend request goes back to where the hub misses something", async () => {
  const { journal, end, sender, link } = fixture();
  sender.connected(link, []);
  for (const seq of [1, 2, 3]) seal(journal, sender, seq);
  end.sent.length = 0;
  sender.resend("new", 2);
  await settled();
  assert.deepEqual(end.sent, ["n2", "n3"]);
});

test("what the journal no longer has is declared lost, by its producer alone", async () => {
  const { journal, end, sender, link } = fixture();
  for (const seq of [4, 5, 6]) journal.put("new", seq, new Uint8Array(10));
  journal.damaged.add("new/5");
  sender.connected(link, []);
  await settled();
  assert.deepEqual(end.sent, ["lost 1-3", "n4", "lost 5-5", "n6"]);
});

test("in flight are never more than the bound, and coverage lets more go", async () => {
  const { journal, end, sender, link } = fixture();
  const total = inFlightMaxBatches + 10;
  for (let seq = 1; seq <= total; seq++) journal.put("new", seq, new Uint8Array(10));
  sender.connected(link, []);
  for (let i = 0; i < 5; i++) await settled();
  assert.equal(end.sent.length, inFlightMaxBatches);
  sender.covered("new", 4);
  for (let i = 0; i < 5; i++) await settled();
  assert.equal(end.sent.length, inFlightMaxBatches + 4);
});

test("a link that cannot take more is given nothing until it can", async () => {
  const { journal, end, sender, link } = fixture();
  end.bufferedBytes = Number.MAX_SAFE_INTEGER;
  sender.connected(link, []);
  seal(journal, sender, 1);
  await settled();
  assert.deepEqual(end.sent, []);
  end.bufferedBytes = 0;
  sender.pump();
  assert.deepEqual(end.sent, ["n1"]);
});
