/** The built pages and the control plane behind them, on a fake hub. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { root } from "../../scripts/checks.ts";
import { buildPages } from "../../scripts/web.ts";
import { readWebFolder } from "../../src/adapters/node/web-folder.ts";
import { createControl } from "../../src/control/control.ts";
import { createFakeHub } from "../../src/control/testing/fake-hub.ts";
import type { WebFiles } from "../../src/ports/web-files.ts";

export interface ServedPages {
  readonly files: WebFiles;
  readonly origin: string;
  stop(): void;
}

export async function servePages(): Promise<ServedPages> {
  await buildPages();
  const files = readWebFolder(join(root, "dist-web"));
  const control = createControl({ ...createFakeHub().context, web: files });
  const answer = getRequestListener(control.fetch);
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { files, origin, stop };
}
