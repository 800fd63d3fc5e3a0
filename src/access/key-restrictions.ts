/** A key's restrictions, compiled for the path of a request. */

import type { Cidr } from "./compiled-config.ts";
import { isInCidr, parseCidr } from "./ip-address.ts";
import type { KeyRestrictions } from "./key-record.ts";

export interface CompiledRestrictions {
  readonly referers: readonly string[];
  readonly addresses: readonly Cidr[];
  readonly routes: readonly string[];
  /** A kind was restricted, but to nothing that can be read: nothing passes. */
  readonly isBroken: boolean;
}

export interface RestrictedCall {
  /** Host of the referer in lower case; "" if none. */
  readonly referer: string;
  /** The caller's whole address, unmasked. */
  readonly address: ArrayLike<number>;
  /** Path of the route as the configuration writes it. */
  readonly route: string;
}

export type RestrictionKind = "referer" | "address" | "route";

/**
 * Why a list of restrictions cannot be taken, or undefined. What completes "expected …".
 * Referers: a host name in lower case, or `*.` and one; addresses: CIDR; routes: a path.
 */
export function checkRestrictions(restrict: KeyRestrictions): string | undefined {
  for (const referer of restrict.referers) {
    if (!/^(\*\.)?[a-z0-9_]([a-z0-9._-]{0,252})$/.test(referer)) {
      return "a host name in lower case such as example.com or *.example.com";
    }
  }
  for (const address of restrict.addresses) {
    const cidr = parseCidr(address);
    if ("error" in cidr) return cidr.error;
  }
  for (const route of restrict.routes) {
    if (!route.startsWith("/")) return "a route's path as the configuration writes it";
  }
  return undefined;
}

export function compileRestrictions(restrict: KeyRestrictions): CompiledRestrictions {
  const addresses: Cidr[] = [];
  for (const text of restrict.addresses) {
    const cidr = parseCidr(text);
    if (!("error" in cidr)) addresses.push(cidr);
  }
  return {
    referers: restrict.referers,
    addresses,
    routes: restrict.routes,
    isBroken: restrict.addresses.length > 0 && addresses.length === 0,
  };
}

/** The first kind of restriction that the call does not meet; undefined if it may pass. */
export function violatedRestriction(
  restrict: CompiledRestrictions,
  call: RestrictedCall,
): RestrictionKind | undefined {
  const { referers, addresses, routes } = restrict;
  if (routes.length > 0 && !routes.includes(call.route)) return "route";
  if (restrict.isBroken) return "address";
  if (addresses.length > 0 && !addresses.some((cidr) => isInCidr(call.address, cidr))) {
    return "address";
  }
  if (referers.length > 0 && !referers.some((host) => isReferer(host, call.referer))) {
    return "referer";
  }
  return undefined;
}

/** `*.example.com` is every name below example.com, and not example.com itself. */
function isReferer(allowed: string, referer: string): boolean {
  if (!allowed.startsWith("*.")) return referer === allowed;
  return referer.length >= allowed.length && referer.endsWith(allowed.slice(1));
}
