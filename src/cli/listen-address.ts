import type { ListenAddress } from "../access/compiled-config.ts";
import { parseListen } from "../access/config-values.ts";
import { present } from "../base/assert.ts";

/** The address that an option names (checked when it was parsed), else the configuration's. */
export function listenAddress(
  option: string | undefined,
  configured: ListenAddress,
): ListenAddress {
  return option === undefined ? configured : present(parseListen(option), "address of an option");
}

export function listenText({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
