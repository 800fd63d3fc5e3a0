/** Opens what a gateway serves to callers: its listener, over TLS where it is configured, and the plain port beside it. */

import { addressGroup } from "../access/address-group.ts";
import type { CompiledConfig, ListenAddress, RegionConfig } from "../access/compiled-config.ts";
import { isTrustedProxy } from "../access/trusted-proxies.ts";
import { listenHttp } from "../adapters/node/http-listener.ts";
import { listenRedirect } from "../adapters/node/redirect-listener.ts";
import { type CertificateStore, openCertificates } from "../adapters/node/tls-store.ts";
import type { Pipeline } from "../gateway/pipeline.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Cleanup } from "./cleanup.ts";

export interface PublicListenerOptions {
  /** The newest: whom it trusts may change while connections come. */
  readonly config: () => CompiledConfig;
  readonly region: RegionConfig;
  readonly listen: ListenAddress;
  /** Started by `dev`, which gives every region a port of its own, and none to redirect from. */
  readonly isDev: boolean;
  /** How long a stop waits for replies in progress; asked when it begins. */
  readonly stopMsMax: () => number;
}

export interface PublicListener {
  /** Undefined: plain HTTP. To be told where certificates are to be read anew. */
  readonly certificates: CertificateStore | undefined;
}

/** Fails with `certificate-invalid`, `port-in-use` or `listen-failed`. */
export async function openPublicListener(
  options: PublicListenerOptions,
  parts: { readonly pipeline: Pipeline; readonly log: Log; readonly metrics: Metrics },
  cleanup: Cleanup,
): Promise<PublicListener> {
  const { region, listen } = options;
  const { pipeline, log, metrics } = parts;
  const { tls } = region;
  const certificates =
    tls === undefined
      ? undefined
      : openCertificates({
          certificates: tls.certificates,
          minVersion: tls.minVersion,
          log,
          metrics,
        });
  if (certificates !== undefined) cleanup.add(() => certificates.close());
  const hasProxyHeader = region.proxyProtocol
    ? (peer: string) => isTrustedProxy(peer, options.config().clients.trustedProxies)
    : undefined;
  const sharesPort = region.processes > 1;
  const listener = await listenHttp(
    {
      ...listen,
      sharesPort,
      limits: () => options.config().listener,
      groupOf: (peer) => addressGroup(peer, options.config().clients),
      tls: certificates,
      hasProxyHeader,
      strictTransportSecurity: tls?.strictTransportSecurity ?? "",
    },
    pipeline,
  );
  cleanup.add(() => listener.stop(options.stopMsMax()));
  if (tls?.redirect !== undefined && certificates !== undefined && !options.isDev) {
    const redirect = await listenRedirect({
      ...tls.redirect.listen,
      sharesPort,
      httpsPort: tls.redirect.port ?? listener.port,
      hasName: (host) => certificates.hasName(host),
      unready: () => pipeline.unready(),
      hasProxyHeader,
    });
    cleanup.add(() => redirect.stop());
  }
  return { certificates };
}
