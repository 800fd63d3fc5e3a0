/** A fleet whose gateways reach the hub through fault proxies, one each. */

import { FaultProxy } from "./fault-proxy.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";

export class FarFleet {
  readonly fleet: Fleet;
  readonly #proxies: ReadonlyMap<string, FaultProxy>;

  private constructor(fleet: Fleet, proxies: ReadonlyMap<string, FaultProxy>) {
    this.fleet = fleet;
    this.#proxies = proxies;
  }

  static async start(plans: string, options: Omit<FleetOptions, "hubFor"> = {}): Promise<FarFleet> {
    const proxies = new Map<string, FaultProxy>();
    const hubFor = async (region: string, hubUrl: string): Promise<string> => {
      const proxy = await FaultProxy.start(hubUrl);
      proxies.set(region, proxy);
      return proxy.url;
    };
    try {
      const fleet = await Fleet.start(plans, { ...options, hubFor });
      return new FarFleet(fleet, proxies);
    } catch (error) {
      await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
      throw error;
    }
  }

  /** Between a region's gateway (the client) and the hub. */
  link(region: string): FaultProxy {
    const proxy = this.#proxies.get(region);
    if (proxy === undefined) throw new Error(`no region ${region}`);
    return proxy;
  }

  get links(): readonly FaultProxy[] {
    return [...this.#proxies.values()];
  }

  async stop(): Promise<void> {
    for (const link of this.links) link.heal();
    await this.fleet.stop();
    await Promise.all(this.links.map((link) => link.stop()));
  }
}
