/** The `GatewayStore` port on SQLite: the caller's side; everything happens in its thread. */

import type { GatewayStore, SavedCluster, ViewDelta } from "../../ports/gateway-store.ts";
import type { StateApi, StateStart } from "./gateway-store-protocol.ts";
import { ownBytes, Thread } from "./thread.ts";

/** The folder must be locked by this process. Fails with `data-newer`, `data-damaged`, `data-unwritable` or `state-failed`. */
export async function openGatewayStore(file: string): Promise<GatewayStore> {
  const data: StateStart = { file };
  const { thread } = await Thread.start<StateApi, undefined>({
    from: import.meta.url,
    module: "gateway-store-thread",
    data,
    failed: "state-failed",
  });
  let closed = false;
  return {
    loadCluster: () => thread.call("loadCluster", undefined),
    saveCluster: (cluster: SavedCluster) => thread.call("saveCluster", { cluster }),
    loadView: (onWindow) => thread.call("loadView", undefined, { onPart: onWindow }),
    saveView: (delta) => saveView(thread, delta),
    loadCoverage: () => thread.call("loadCoverage", undefined),
    saveCoverage: (marks) => thread.call("saveCoverage", { marks }),
    loadStatus: () => thread.call("loadStatus", undefined),
    saveStatus: (status) => thread.call("saveStatus", status),
    loadKeys: (onEntries) => thread.call("loadKeys", undefined, { onPart: onEntries }),
    saveKeys: (version, packed) => {
      const own = ownBytes(packed);
      return thread.call("saveKeys", { version, packed: own }, { transfer: [own.buffer] });
    },
    keysAfter: (version, onEntries) => thread.call("keysAfter", { version }, { onPart: onEntries }),
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

function saveView(thread: Thread<StateApi>, delta: ViewDelta): Promise<void> {
  const transfer: ArrayBuffer[] = [];
  // Own columns: a view would take the whole buffer behind it along.
  const windows = delta.windows.map(({ window, lo, hi, total }) => {
    const own = { window, lo: lo.slice(), hi: hi.slice(), total: total.slice() };
    transfer.push(own.lo.buffer, own.hi.buffer, own.total.buffer);
    return own;
  });
  return thread.call("saveView", { delta: { ...delta, windows } }, { transfer });
}
