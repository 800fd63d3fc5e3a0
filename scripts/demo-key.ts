/** The demo's ready-made key: made once, kept in the data folder, made again when it no longer works. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { callControl } from "../src/cli/control-client.ts";
import { type DataFolder, replaceFile } from "../src/cli/data-folder.ts";
import type { DevState } from "../src/cli/dev-state.ts";
import type { CreatedKeyJson } from "../src/control/schemas.ts";

/** Every gateway has a key within a second of its making; a machine under load may take longer. */
const spreadMsMax = 3_000;
const pollMs = 20;

/** A key of plan `pro` that all regions know. `demo-key` in the data folder is for its owner only (0600). */
export async function demoKey(data: DataFolder, state: DevState): Promise<string> {
  const file = join(data.root, "demo-key");
  const regions = Object.values(state.regions).map(({ url }) => url);
  const saved = readSaved(file);
  if (saved !== undefined && (await isKnown(saved, regions))) return saved;
  const plane = { url: state.hub.url, token: state.token };
  const { key } = await callControl<CreatedKeyJson>(plane, {
    method: "POST",
    path: "/v1/keys",
    body: { plan: "pro", name: "demo", owner: "demo" },
  });
  replaceFile(file, `${key}\n`);
  const deadlineMs = performance.now() + spreadMsMax;
  while (!(await isKnown(key, regions)) && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return key;
}

function readSaved(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether every region takes the key; asking charges nothing. */
async function isKnown(key: string, regions: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(
    regions.map(async (url) => {
      const reply = await fetch(`${url}/-/usage`, { headers: { "x-api-key": key } });
      await reply.body?.cancel();
      return reply.ok;
    }),
  );
  return answers.every(Boolean);
}
