/** A person at the portal of a cluster of `tallygate dev`, in Chromium: asks for a link, follows it, gets a key. */

import { setTimeout as sleep } from "node:timers/promises";
import { present } from "../../src/base/assert.ts";
import type { OpenedPage } from "./browser.ts";
import type { Cluster } from "./cluster.ts";

/** The link that `dev` prints for the address. */
export async function askForLink(
  cluster: Cluster,
  { page }: OpenedPage,
  email: string,
): Promise<string> {
  await page.goto(`${cluster.state.hub.url}/portal`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("button", { name: "Send me the link" }).click();
  for (let i = 0; i < 500; i++) {
    const line = cluster.output.split("\n").findLast((text) => text.includes(`to=${email} `));
    const link = line === undefined ? undefined : /link=(http\S+)/.exec(line)?.[1];
    if (link !== undefined) return link;
    await sleep(10);
  }
  throw new Error(`no mail to ${email}:\n${cluster.output}`);
}

/** Follows a link to the address and gives the key that is shown. */
export async function enter(cluster: Cluster, opened: OpenedPage, email: string): Promise<string> {
  const link = await askForLink(cluster, opened, email);
  const { page } = opened;
  await page.goto(link);
  await page.getByRole("button", { name: "Get my key" }).click();
  return keyOn(cluster, opened);
}

/** The secret that the page shows. */
export async function keyOn(cluster: Cluster, { page }: OpenedPage): Promise<string> {
  const text = await page.locator(".secret code").first().textContent();
  const key = present(text, "a key on the page");
  cluster.issuedKeys.add(key);
  return key;
}
