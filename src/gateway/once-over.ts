/** Tells once that a stream is over: it is gone, or its owner has let go of it. */

import type { ByteStream } from "../ports/listener.ts";

export function onceOver(stream: ByteStream, onOver: () => void): ByteStream {
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    onOver();
  };
  return {
    listen(on) {
      stream.listen({
        data: (bytes) => on.data(bytes),
        drain: () => on.drain(),
        end: () => on.end(),
        closed() {
          over();
          on.closed();
        },
      });
    },
    write: (bytes) => stream.write(bytes),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy() {
      over();
      stream.destroy();
    },
  };
}
