import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type RegistryStorage,
  registryStoreConformance,
} from "../../conformance/registry-store.ts";
import { openRegistryStore } from "./registry-store.ts";

async function storage(): Promise<RegistryStorage> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-registry-"));
  const file = join(folder, "registry.db");
  return { open: () => openRegistryStore(file), dispose: () => rm(folder, { recursive: true }) };
}

registryStoreConformance({ name: "sqlite", create: storage });
