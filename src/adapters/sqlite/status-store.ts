/** The `StatusStore` port on SQLite: the caller's side; everything happens in its thread. */

import type { StatusStore } from "../../ports/status-store.ts";
import type { StatusApi, StatusStart } from "./status-protocol.ts";
import { Thread } from "./thread.ts";

/** The folder must be locked by this process. Fails with `data-newer`, `data-damaged`, `data-unwritable` or `status-failed`. */
export async function openStatusStore(file: string): Promise<StatusStore> {
  const data: StatusStart = { file };
  const { thread } = await Thread.start<StatusApi, undefined>({
    from: import.meta.url,
    module: "status-thread",
    data,
    failed: "status-failed",
  });
  let closed = false;
  return {
    load: (sinceMs, onHours) => thread.call("load", { sinceMs }, { onPart: onHours }),
    saveHours: (hours, sinceMs) => thread.call("saveHours", { hours, sinceMs }),
    saveIncident: (incident, dropped) => thread.call("saveIncident", { incident, dropped }),
    close: async () => {
      if (closed) return;
      closed = true;
      try {
        await thread.call("close", undefined);
      } finally {
        await thread.end();
      }
    },
  };
}
