/** A socket as a `ByteStream`. */

import type { Duplex } from "node:stream";
import type { ByteStream } from "../../ports/listener.ts";

/** `early`: bytes that were read from the socket already; they come first. */
export function nodeByteStream(socket: Duplex, early?: Uint8Array): ByteStream {
  // An error is followed by `close`, which is what the owner hears.
  socket.on("error", () => {});
  if (early !== undefined && early.byteLength > 0) socket.unshift(early);
  return {
    listen(on) {
      socket.on("data", (bytes: Buffer) => on.data(bytes));
      socket.on("drain", () => on.drain());
      socket.on("end", () => on.end());
      if (socket.destroyed) process.nextTick(() => on.closed());
      else socket.once("close", () => on.closed());
    },
    write: (bytes) => socket.destroyed || socket.writableEnded || socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end() {
      if (!socket.writableEnded) socket.end();
    },
    destroy: () => void socket.destroy(),
  };
}
