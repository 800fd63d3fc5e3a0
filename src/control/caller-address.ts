/** The address that a request comes from, for limits: the peer's, or what a trusted proxy says of it. */

import type { Context } from "hono";
import { clientAddress } from "../access/client-address.ts";
import type { Cidr } from "../access/compiled-config.ts";
import { formatAddress } from "../access/ip-address.ts";
import type { ControlEnv } from "./problem.ts";

/** "" for a local socket. */
export function callerAddress(c: Context<ControlEnv>, trustedProxies: readonly Cidr[]): string {
  // Outside a server there is no address, nor are there bindings.
  const peer = (c.env as ControlEnv["Bindings"] | undefined)?.address ?? "";
  const forwarded = c.req.header("x-forwarded-for");
  const rawHeaders = forwarded === undefined ? [] : ["x-forwarded-for", forwarded];
  const words = new Uint32Array(4);
  return clientAddress({ peer, rawHeaders, trustedProxies }, words) ? formatAddress(words) : "";
}
