import type { ErrorCode } from "../../base/errors.ts";
import { gatewayStoreConformance } from "../../conformance/gateway-store.ts";
import { journalConformance } from "../../conformance/journal.ts";
import { ledgerStoreConformance } from "../../conformance/ledger-store.ts";
import { registryStoreConformance } from "../../conformance/registry-store.ts";
import { usageStreamConformance } from "../../conformance/usage-stream.ts";
import { MemoryLedger } from "../../hub/testing/memory-ledger.ts";
import { Host } from "../host.ts";
import { World } from "../world.ts";
import { Disk } from "./disk.ts";
import { GatewayStoreImage, SimGatewayStore } from "./gateway-store.ts";
import { RegistryImage, SimLedger, SimRegistry } from "./hub-stores.ts";
import { JournalImage, SimJournal } from "./journal.ts";
import { SimStream, StreamImage } from "./usage-stream.ts";

/** A world that goes on by itself until it is stopped, and a disk in it. */
function running(code: ErrorCode) {
  const world = new World(1);
  const disk = new Disk(world, code);
  let isStopped = false;
  void (async () => {
    while (!isStopped) await world.run(world.nowMs + 10);
  })();
  return {
    ...{ world, disk },
    mount: () => {
      const host = new Host(world, "host", { skewMs: 0, drift: 0 });
      return { random: host.random, mounted: disk.mount(host) };
    },
    dispose: async () => {
      isStopped = true;
    },
  };
}

journalConformance({
  name: "simulated",
  create: async () => {
    const { disk, mount, dispose } = running("journal-failed");
    const image = new JournalImage();
    return {
      dispose,
      open: async (options) => {
        const { random } = mount();
        const sizeMaxBytes = options?.sizeMaxBytes ?? 2 ** 30;
        return new SimJournal(image, { disk, random, sizeMaxBytes });
      },
    };
  },
});

usageStreamConformance({
  name: "simulated",
  create: async () => {
    const { world, mount, dispose } = running("stream-failed");
    const image = new StreamImage();
    return {
      dispose,
      open: async () => {
        return new SimStream(image, mount().mounted, world);
      },
    };
  },
});

gatewayStoreConformance({
  name: "simulated",
  create: async () => {
    const { disk, mount, dispose } = running("state-failed");
    const image = new GatewayStoreImage();
    return {
      dispose,
      open: async () => {
        mount();
        return new SimGatewayStore(image, disk);
      },
    };
  },
});

ledgerStoreConformance({
  name: "simulated",
  create: async () => {
    const { mount, dispose } = running("ledger-failed");
    const image = new MemoryLedger();
    let { mounted } = mount();
    const copyFile = "copy";
    return {
      ...{ dispose, copyFile },
      open: async () => {
        mounted = mount().mounted;
        return new SimLedger(image, mounted);
      },
      openCopy: async () => new SimLedger(image.files.get(copyFile) as MemoryLedger, mounted),
    };
  },
});

registryStoreConformance({
  name: "simulated",
  create: async () => {
    const { mount, dispose } = running("registry-failed");
    const image = new RegistryImage();
    return {
      dispose,
      open: async () => {
        return new SimRegistry(image, mount().mounted);
      },
    };
  },
});
