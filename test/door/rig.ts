/** A real gateway with a recording upstream, and keys of every kind. */

import { formatApiKey } from "../../src/access/api-key.ts";
import { Cluster, until } from "../support/cluster.ts";
import { handlers, threeRegions } from "../support/configs.ts";
import { type Answering, Recorder } from "../support/raw-http.ts";

async function keysOf(cluster: Cluster): Promise<Keys> {
  const { key } = await cluster.createKnownKey("pro");
  const { key: other } = await cluster.createKnownKey("pro");
  const restrict = { routes: ["/admin"] };
  const { key: restricted } = await cluster.createKnownKey("pro", { restrict });
  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  const { key: expired } = await cluster.createKey("pro", { expiresAt });
  const { id, key: revoked } = await cluster.createKnownKey("pro");
  await cluster.api("DELETE", `/v1/keys/${id}`);
  for (const ended of [expired, revoked]) {
    const hasEnded = async () => (await cluster.usage("sydney", ended)) === undefined;
    await until(hasEnded, 5_000, "a key that is expired or revoked is refused");
  }
  const unknown = formatApiKey({
    prefix: "ipd",
    mode: "live",
    entropy: new Uint8Array(20).fill(7),
  });
  const mistyped = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
  const admin = cluster.state.token;
  return { key, other, restricted, expired, revoked, unknown, mistyped, admin };
}

/** Keys by the names that the cases use for them. */
export type Keys = Readonly<Record<string, string>>;

export class DoorRig {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly keys: Keys;
  readonly port: number;
  readonly hubPort: number;
  readonly pid: number;

  private constructor(cluster: Cluster, recorder: Recorder, keys: Keys) {
    this.cluster = cluster;
    this.recorder = recorder;
    this.keys = keys;
    const { url, pid } = cluster.region("sydney");
    this.port = Number(new URL(url).port);
    this.hubPort = Number(new URL(cluster.state.hub.url).port);
    this.pid = pid;
  }

  static async start(options: { readonly answering?: Answering; readonly listener?: string } = {}) {
    const recorder = await Recorder.start(options.answering);
    const cluster = await Cluster.start({
      config: threeRegions({
        regions: ["sydney"],
        top: `
clients: { trustedProxies: [127.0.0.2/32], wrongKeysPerMinute: 60000 }
listener: { ${options.listener ?? ""} }
anonymousPlan: anonymous
upstreams:
  recorder: { targets: ["http://127.0.0.1:${recorder.port}"], responseTimeout: 800ms, idleTimeout: 500ms }`,
        plans: `anonymous: { limits: [{ name: day, per: ip, quota: 1000000, window: day }] }
  pro: { limits: [{ name: month, per: key, quota: 10000000, window: month }] }`,
        routes: `- { path: "/admin", methods: [POST], upstream: recorder, refundOn: [] }
  - { path: "/handler", handler: ./hello.mjs }
  - { path: "/*", upstream: recorder, refundOn: [] }`,
      }).replace(`, "query:api-key"`, ""),
      files: handlers,
    });
    return new DoorRig(cluster, recorder, await keysOf(cluster));
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
