/** What every `UsageStream` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { StreamRecord, UsageStream } from "../ports/usage-stream.ts";

/** One stream's storage; `open` may be called again once the stream opened before is closed. */
export interface StreamStorage {
  open(): Promise<UsageStream>;
  dispose(): Promise<void>;
}

export interface StreamSuite {
  readonly name: string;
  readonly create: () => Promise<StreamStorage>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const shown = (records: readonly StreamRecord[]): string =>
  records.map(({ position, bytes }) => `${position}:${new TextDecoder().decode(bytes)}`).join(" ");

async function readAll(stream: UsageStream, from: number, bytesMax: number): Promise<string> {
  const texts: string[] = [];
  for (let next = from; ; ) {
    const records = await stream.read(next, bytesMax);
    const last = records.at(-1);
    if (last === undefined) return texts.join(" | ");
    texts.push(shown(records));
    next = last.position + 1;
  }
}

type Define = (name: string, run: (storage: StreamStorage) => Promise<void>) => void;

export function usageStreamConformance(suite: StreamSuite): void {
  const define: Define = (name, run) => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`usage stream: ${suite.name}`, () => {
    appending(define);
    readingAndTrimming(define);
  });
}

function appending(define: Define): void {
  define("positions count from 1 without holes, in order of the calls", async (storage) => {
    const stream = await storage.open();
    assert.deepEqual([stream.first, stream.last], [1, 0]);
    const positions = await Promise.all(
      ["a", "b", "c"].map((text) => stream.append(bytesOf(text))),
    );
    assert.deepEqual(positions, [1, 2, 3]);
    assert.equal(await stream.append(bytesOf("d")), 4);
    assert.deepEqual([stream.first, stream.last, stream.pendingBytes], [1, 4, 0]);
    await stream.close();
  });

  define(
    "the listener gets every durable record once, in order, never before it is durable",
    async (storage) => {
      const stream = await storage.open();
      const heard: StreamRecord[] = [];
      stream.onDurable((records) => {
        assert.ok(records.every(({ position }) => position <= stream.last));
        heard.push(...records);
      });
      const appended: Promise<number>[] = [];
      for (let i = 1; i <= 300; i++) {
        appended.push(stream.append(bytesOf(`r${i}`)));
        if (i % 50 === 0) await appended[i - 25];
      }
      await Promise.all(appended);
      assert.deepEqual(
        heard.map(({ position }) => position),
        Array.from({ length: 300 }, (_, i) => i + 1),
      );
      assert.equal(shown(heard), await readAll(stream, 1, 1e6));
      await stream.close();
    },
  );

  define("pending bytes are what was appended and is not durable", async (storage) => {
    const stream = await storage.open();
    const appended = [stream.append(bytesOf("four")), stream.append(bytesOf("seven77"))];
    assert.equal(stream.pendingBytes, 11);
    await Promise.all(appended);
    assert.equal(stream.pendingBytes, 0);
    await stream.close();
  });

  define(
    "the next start reads the same bytes at the same positions and goes on behind them",
    async (storage) => {
      const first = await storage.open();
      const appended = ["a", "b", "c"].map((text) => first.append(bytesOf(text)));
      await first.close();
      await Promise.all(appended);
      const second = await storage.open();
      assert.deepEqual([second.first, second.last], [1, 3]);
      assert.equal(await readAll(second, 1, 1e6), "1:a 2:b 3:c");
      assert.equal(await second.append(bytesOf("d")), 4);
      await second.close();
    },
  );

  define("a closed stream refuses", async (storage) => {
    const stream = await storage.open();
    await stream.close();
    await assert.rejects(stream.append(bytesOf("late")), { code: "stream-failed" });
    await stream.close();
  });
}

function readingAndTrimming(define: Define): void {
  define("reads are bounded in bytes and give at least one record", async (storage) => {
    const stream = await storage.open();
    await Promise.all(
      ["aaaa", "bbbb", "cccccccccccc", "d"].map((text) => stream.append(bytesOf(text))),
    );
    assert.equal(await readAll(stream, 1, 8), "1:aaaa 2:bbbb | 3:cccccccccccc | 4:d");
    assert.equal(await readAll(stream, 3, 1), "3:cccccccccccc | 4:d");
    assert.equal(await readAll(stream, 5, 100), "");
    await stream.close();
  });

  define("records are delivered as they are, whatever their bytes say", async (storage) => {
    const stream = await storage.open();
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
    await stream.append(bytes);
    const [record] = await stream.read(1, 1000);
    assert.deepEqual(record?.bytes, bytes);
    await stream.close();
  });

  define("a trim forgets a prefix and changes no position", async (storage) => {
    const stream = await storage.open();
    await Promise.all(Array.from({ length: 600 }, (_, i) => stream.append(bytesOf(`${i + 1}`))));
    await stream.trimBefore(599);
    assert.deepEqual([stream.first, stream.last], [599, 600]);
    assert.equal(await readAll(stream, 1, 1000), "599:599 600:600");
    await stream.trimBefore(10);
    assert.equal(stream.first, 599);
    await stream.close();
  });

  define(
    "a position is never given again, even when the stream was trimmed to nothing",
    async (storage) => {
      const first = await storage.open();
      await Promise.all(["a", "b", "c"].map((text) => first.append(bytesOf(text))));
      await first.trimBefore(1000);
      assert.deepEqual([first.first, first.last], [4, 3]);
      await first.close();
      const second = await storage.open();
      assert.deepEqual([second.first, second.last], [4, 3]);
      assert.equal(await second.append(bytesOf("d")), 4);
      await second.close();
    },
  );
}
