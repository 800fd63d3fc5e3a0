import { statusStoreConformance } from "../../conformance/status-store.ts";
import { emptyStatus, memoryStatusStore } from "./memory-status.ts";

statusStoreConformance({
  name: "memory",
  create: async () => {
    const kept = emptyStatus();
    return { open: async () => memoryStatusStore(kept), dispose: async () => {} };
  },
});
