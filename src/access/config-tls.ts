/**
 * TLS in the configuration: towards callers, between gateways and hub, towards upstreams. Files are named relative to the
 * configuration and read by the process that needs them, not here: a gateway's machine has no copy of the hub's key.
 */

import * as z from "zod";
import type {
  CertificateFiles,
  HubLinkTls,
  HubTls,
  ListenerTls,
  TlsVersion,
  UpstreamTls,
} from "./compiled-config.ts";
import { duration, group, list, listen, oneOf, text, wholeNumber } from "./config-fields.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { parseDuration, parseListen } from "./config-values.ts";

/** Certificates of one listener. Each look at their files is two `stat`s a certificate. */
export const certificatesMax = 256;

const yearMs = 365 * 86_400_000;

function pemFile(what: string) {
  const error = `the path of ${what} in PEM`;
  return z.string({ error }).min(1, { error }).max(4_096, { error });
}

const certificateChain = "a certificate, followed by those that issued it,";

const certificate = group({
  cert: pemFile(certificateChain).describe(
    "The certificate and those between it and the root, in PEM; relative to this file.",
  ),
  key: pemFile("a private key").describe("Its private key, in PEM, without a passphrase."),
});

const minVersion = oneOf(["1.2", "1.3"])
  .optional()
  .describe('The oldest version of TLS that is spoken, "1.2" or "1.3". Default "1.2".');

export const listenerTls = group({
  certificates: list(certificate, 1, certificatesMax).describe(
    "Each is presented to callers that ask for one of its names, the first to all others. Read again when their files change.",
  ),
  minVersion,
  redirect: group({
    listen: listen.describe("A plain port; each of a region's processes listens on it."),
    port: wholeNumber(1, 65_535)
      .optional()
      .describe("Port of the https URL. Default: that of the region's `listen`."),
  })
    .optional()
    .describe(
      "Sends callers of plain HTTP to HTTPS with 308, if they ask for a name of a certificate. `/-/health` answers there too. Not with `dev`.",
    ),
  hsts: group({
    maxAge: duration.describe("How long browsers remember it, up to 730d."),
    includeSubDomains: z
      .boolean({ error: "true or false" })
      .optional()
      .describe("Also for all names below. Default false."),
  })
    .optional()
    .describe("Strict-Transport-Security in every reply over HTTPS. Default: none."),
});

export const proxyProtocol = z
  .boolean({ error: "true or false" })
  .optional()
  .describe(
    "Connections from `clients.trustedProxies` begin with a PROXY protocol header, version 2, which says who calls. Default false.",
  );

export const hubTls = group({
  cert: certificate.shape.cert,
  key: certificate.shape.key,
  clientCa: pemFile("one or more CA certificates")
    .optional()
    .describe(
      "Gateways must present a certificate that one of these CAs issued, beside the join token. Default: not asked for.",
    ),
  minVersion,
});

export const hubCa = pemFile("one or more CA certificates")
  .optional()
  .describe("What gateways check the hub's certificate against. Default: the CAs that Node knows.");

export const hubClient = group({
  cert: certificate.shape.cert,
  key: certificate.shape.key,
});

export const upstreamTls = group({
  ca: pemFile("one or more CA certificates")
    .optional()
    .describe("What the targets' certificates are checked against. Default: the CAs of Node."),
  cert: pemFile(certificateChain)
    .optional()
    .describe("Presented to targets that ask for a client certificate; with `key`."),
  key: pemFile("a private key").optional().describe("That of `cert`."),
  serverName: text(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/, "a host name")
    .optional()
    .describe("The name that certificates must have. Default: the target's host."),
  insecureSkipVerify: z
    .boolean({ error: "true or false" })
    .optional()
    .describe(
      "Takes any certificate, so anyone on the way can read and change calls; warned of at every start. Default false.",
    ),
});

export type ListenerTlsInput = z.infer<typeof listenerTls>;
export type HubTlsInput = z.infer<typeof hubTls>;
export type UpstreamTlsInput = z.infer<typeof upstreamTls>;
type PairInput = z.infer<typeof certificate>;

/** `file` is the configuration's own path, against which others are resolved. */
export interface TlsContext {
  readonly path: ConfigPath;
  readonly file: string;
  readonly problems: ProblemList;
}

export function compileListenerTls(
  written: ListenerTlsInput | undefined,
  context: TlsContext,
): ListenerTls | undefined {
  if (written === undefined) return undefined;
  const { path, file, problems } = context;
  const certFiles = written.certificates.map(({ cert }) => resolveBeside(file, cert));
  for (const [i, cert] of certFiles.entries()) {
    if (certFiles.indexOf(cert) === i) continue;
    const value = written.certificates[i]?.cert;
    problems.add([...path, "certificates", i, "cert"], "each certificate once", { value });
  }
  return {
    certificates: written.certificates.map((pair) => pairFiles(pair, file)),
    minVersion: versionOf(written.minVersion),
    redirect: compileRedirect(written.redirect, context),
    strictTransportSecurity: strictTransport(written.hsts, context),
  };
}

function compileRedirect(
  written: ListenerTlsInput["redirect"],
  { path, problems }: TlsContext,
): ListenerTls["redirect"] {
  if (written === undefined) return undefined;
  const address = parseListen(written.listen);
  if (address !== undefined) return { listen: address, port: written.port };
  const value = written.listen;
  problems.add([...path, "redirect", "listen"], "an address to listen on such as 0.0.0.0:80", {
    value,
  });
  return undefined;
}

function strictTransport(
  written: ListenerTlsInput["hsts"],
  { path, problems }: TlsContext,
): string {
  if (written === undefined) return "";
  const ms = parseDuration(written.maxAge) ?? 0;
  if (ms > 2 * yearMs) {
    problems.add([...path, "hsts", "maxAge"], "0s to 730d", { value: written.maxAge });
  }
  const below = written.includeSubDomains === true ? "; includeSubDomains" : "";
  return `max-age=${Math.floor(ms / 1_000)}${below}`;
}

export function compileHubTls(written: HubTlsInput | undefined, file: string): HubTls | undefined {
  if (written === undefined) return undefined;
  return {
    certificate: pairFiles(written, file),
    minVersion: versionOf(written.minVersion),
    clientCaFile: optionalFile(written.clientCa, file),
  };
}

export function compileHubLink(
  written: { readonly ca?: string | undefined; readonly client?: PairInput | undefined },
  file: string,
): HubLinkTls {
  return {
    caFile: optionalFile(written.ca, file),
    certificate: written.client === undefined ? undefined : pairFiles(written.client, file),
  };
}

/** Undefined where `tls` is left out: https targets are checked against Node's CAs. */
export function compileUpstreamTls(
  written: UpstreamTlsInput | undefined,
  targets: readonly string[],
  context: TlsContext,
): UpstreamTls | undefined {
  if (written === undefined) return undefined;
  const { path, file, problems } = context;
  if (!targets.some((target) => /^https:/i.test(target))) {
    problems.add(path, "tls only with targets that begin with https://", {
      text: "no such target",
    });
  }
  const { cert, key } = written;
  if ((cert === undefined) !== (key === undefined)) {
    problems.add(path, "both cert and key, or neither", {
      text: cert === undefined ? "key without cert" : "cert without key",
    });
  }
  const isVerified = written.insecureSkipVerify !== true;
  if (!isVerified && (written.ca !== undefined || written.serverName !== undefined)) {
    problems.add(
      [...path, "insecureSkipVerify"],
      "it without ca and serverName, which it ignores",
      {
        value: true,
      },
    );
  }
  return {
    caFile: optionalFile(written.ca, file),
    certificate:
      cert === undefined || key === undefined ? undefined : pairFiles({ cert, key }, file),
    serverName: written.serverName,
    isVerified,
  };
}

function pairFiles(written: PairInput, file: string): CertificateFiles {
  return {
    certFile: resolveBeside(file, written.cert),
    keyFile: resolveBeside(file, written.key),
  };
}

function optionalFile(written: string | undefined, file: string): string | undefined {
  return written === undefined ? undefined : resolveBeside(file, written);
}

function versionOf(written: "1.2" | "1.3" | undefined): TlsVersion {
  return `TLSv${written ?? "1.2"}`;
}
