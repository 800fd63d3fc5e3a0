/** A thread that says it has started, and dies of its first message. */

import { parentPort } from "node:worker_threads";
import { present } from "../../../base/assert.ts";
import { startId } from "../thread.ts";

const port = present(parentPort, "parent port");
port.on("message", () => {
  throw new Error("no more");
});
port.postMessage({ id: startId, reply: undefined });
