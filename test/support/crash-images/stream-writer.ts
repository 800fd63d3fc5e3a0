/**
 * Appends to a usage stream through its thread and says what was given and what became durable: `node stream-writer.ts FILE SEED
 * OPERATIONS`. The record at position p is `streamRecord(p)`; now and then old ones are trimmed.
 */

import { openUsageStream } from "../../../src/adapters/sqlite/usage-stream.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { streamRecord } from "./hub-content.ts";

const [file = "", seed, operations] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const stream = await openUsageStream({ file });

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

let given = 0;
for (let i = 0; i < Number(operations); i++) {
  if (random.next() < 0.1 && stream.last > 5) {
    const before = stream.first + random.below(stream.last - stream.first);
    say(`trimming ${before}`);
    await stream.trimBefore(before);
    continue;
  }
  const count = 1 + random.below(6);
  say(`giving ${given + count}`);
  const appended: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) appended.push(stream.append(streamRecord(++given)));
  await Promise.all(appended);
  say(`durable ${given}`);
}
await stream.close();
