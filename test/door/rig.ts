/** A real gateway with a recording upstream, and keys of every kind. */

import { Cluster } from "../support/cluster.ts";
import { threeRegions } from "../support/configs.ts";
import { type Answering, Recorder } from "../support/raw-http.ts";

/** Keys by the names that the cases use for them. */
export type Keys = Readonly<Record<string, string>>;

export class DoorRig {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly keys: Keys;
  readonly port: number;
  readonly pid: number;

  private constructor(cluster: Cluster, recorder: Recorder, keys: Keys) {
    this.cluster = cluster;
    this.recorder = recorder;
    this.keys = keys;
    const { url, pid } = cluster.region("sydney");
    this.port = Number(new URL(url).port);
    this.pid = pid;
  }

  static async start(options: { readonly answering?: Answering; readonly listener?: string } = {}) {
    const recorder = await Recorder.start(options.answering);
    const cluster = await Cluster.start({
      config: threeRegions({
        regions: ["sydney"],
        top: `
clients: { trustedProxies: [127.0.0.2/32] }
listener: { ${options.listener ?? ""} }
anonymousPlan: anonymous
upstreams:
  recorder: { targets: ["http://127.0.0.1:${recorder.port}"], responseTimeout: 2s }`,
        plans: `anonymous: { limits: [{ name: day, per: ip, quota: 1000000, window: day }] }
  pro: { limits: [{ name: month, per: key, quota: 10000000, window: month }] }`,
        routes: `- { path: "/*", upstream: recorder, refundOn: [] }`,
      }).replace(`, "query:api-key"`, ""),
    });
    const { key } = await cluster.createKnownKey("pro");
    const { key: other } = await cluster.createKnownKey("pro");
    return new DoorRig(cluster, recorder, { key, other });
  }

  /** Units that `key` has used. */
  async used(): Promise<number> {
    const usage = await this.cluster.usage("sydney", this.keys["key"]);
    return usage?.limits[0]?.used ?? Number.NaN;
  }

  /** `text` with the keys in the place of their names. */
  fill(text: string): string {
    return text.replace(/\{([a-z]+)\}/g, (all, name: string) => this.keys[name] ?? all);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.recorder.stop();
  }
}
