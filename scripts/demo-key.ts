/** Keys for demos: made through the control plane, usable in every region once they are handed out. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { callControl } from "../src/cli/control-client.ts";
import { type DataFolder, replaceFile } from "../src/cli/data-folder.ts";
import type { DevState } from "../src/cli/dev-state.ts";
import type { CreatedKeyJson } from "../src/control/schemas.ts";

/** Every gateway has a key within a second of its making; a machine under load may take longer. */
const spreadMsMax = 3_000;
const pollMs = 20;

/** A key of plan `pro`, made once. `demo-key` in the data folder is for its owner only (0600); one that no longer works is made again. */
export async function demoKey(data: DataFolder, state: DevState): Promise<string> {
  const file = join(data.root, "demo-key");
  const saved = readSaved(file);
  if (saved !== undefined && (await isKnown(saved, state))) return saved;
  const key = await createKey(state, "pro");
  replaceFile(file, `${key}\n`);
  return key;
}

/** A new key that all regions know. */
export async function createKey(state: DevState, plan: string): Promise<string> {
  const { key } = await callControl<CreatedKeyJson>(
    { url: state.hub.url, token: state.token },
    { method: "POST", path: "/v1/keys", body: { plan, name: "demo", owner: "demo" } },
  );
  const deadlineMs = performance.now() + spreadMsMax;
  while (!(await isKnown(key, state)) && performance.now() < deadlineMs) {
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
async function isKnown(key: string, { regions }: DevState): Promise<boolean> {
  const answers = await Promise.all(
    Object.values(regions).map(async ({ url }) => {
      const reply = await fetch(`${url}/-/usage`, { headers: { "x-api-key": key } });
      await reply.body?.cancel();
      return reply.ok;
    }),
  );
  return answers.every(Boolean);
}
