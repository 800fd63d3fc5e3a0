/**
 * The certificates of one TLS listener: which of them a caller gets, and taking new ones when their files change. New
 * ones are taken all together or, if one of them is wrong, not at all.
 */

import { constants } from "node:crypto";
import type { Server } from "node:http";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server as TlsServer,
} from "node:tls";
import type { CertificateFiles, TlsVersion } from "../../access/compiled-config.ts";
import { TallygateError } from "../../base/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Family, GaugeChild, Metrics } from "../../ports/metrics.ts";
import { stampNow, watchFiles } from "./file-watch.ts";
import { type Certificate, readAuthorities, readCertificate } from "./tls-certificate.ts";
import { certificateMetrics, type HandshakeOutcome, handshakeOutcomes } from "./tls-metrics.ts";
import { type NameIndex, nameIndex } from "./tls-names.ts";

/**
 * Forward secrecy and authenticated encryption only: what every browser since 2018 and every maintained client speaks.
 * Source: Mozilla's intermediate configuration (guideline 5.7) without finite-field Diffie-Hellman.
 */
const ciphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** Milliseconds between looks at the files. A change is taken at the second look that finds it: by then both are written. */
export const certificatePollMs = 5_000;

/** Milliseconds that the keys of session tickets live, and that a session may be resumed. */
const ticketKeysMsMax = 12 * 3_600_000;
const sessionTimeoutSeconds = 3_600;

const dayMs = 86_400_000;
/** From this many days before its end a certificate is warned of once a day. */
const warnDays = 14;

export interface CertificateStoreOptions {
  /** At least one; the first is for callers that ask for no known name. */
  readonly certificates: readonly CertificateFiles[];
  readonly minVersion: TlsVersion;
  /** Clients are asked for a certificate of one of these CAs; whether they must have one is the server's affair. */
  readonly clientCaFile?: string | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Default `certificatePollMs`. */
  readonly pollMs?: number;
  /** Wall clock; default `Date.now`. */
  readonly nowMs?: () => number;
}

export interface CertificateStore {
  /** For the server's constructor. */
  readonly serverOptions: SecureContextOptions & {
    readonly requestCert: boolean;
    readonly rejectUnauthorized: boolean;
    SNICallback(name: string, done: (error: Error | null, context?: SecureContext) => void): void;
  };
  /** From now on the server has the newest certificates. */
  attach(server: Server): void;
  /** Whether a certificate is for this host name. */
  hasName(host: string): boolean;
  /**
   * Reads the files now (SIGHUP), `files` instead of those before where it is given. False: refused, logged, and what was
   * served goes on being served.
   */
  reload(files?: readonly CertificateFiles[]): boolean;
  countHandshake(outcome: HandshakeOutcome): void;
  close(): void;
}

interface Presented {
  readonly certificate: Certificate;
  readonly names: readonly string[];
  readonly secure: SecureContextOptions;
  readonly context: SecureContext;
}

interface Generation {
  readonly first: SecureContextOptions;
  readonly presented: readonly Presented[];
  readonly index: NameIndex<Presented>;
  readonly madeAtMs: number;
  /** Of all its files when they were read. */
  readonly stamp: string;
}

/** Fails with `certificate-invalid`. */
export function openCertificates(options: CertificateStoreOptions): CertificateStore {
  const { log, nowMs = Date.now } = options;
  const metrics = certificateMetrics(options.metrics);
  const servers = new Set<TlsServer>();
  let current = load(options.certificates, options, nowMs());
  for (const { certificate } of current.presented) {
    const problem = outOfTime(certificate, nowMs());
    if (problem !== "") log.error("a certificate is not valid now", { why: problem });
  }

  const take = (next: Generation): void => {
    current = next;
    for (const server of servers) server.setSecureContext(next.first);
  };
  const reload = (files = filesOf(current)): boolean => {
    try {
      const next = load(files, options, nowMs());
      const served = new Set(current.presented.map(({ certificate }) => certificate.cert));
      for (const { certificate } of next.presented) {
        const problem = outOfTime(certificate, nowMs());
        // One that is served already must not keep the others from being renewed.
        if (problem !== "" && !served.has(certificate.cert)) {
          throw new TallygateError("certificate-invalid", problem);
        }
      }
      take(next);
    } catch (error) {
      if (!(error instanceof TallygateError)) throw error;
      metrics.reloads.child("refused").add(1);
      log.error("new certificates are refused; those before go on being served", {
        why: error.detail,
      });
      return false;
    }
    metrics.reloads.child("taken").add(1);
    log.info("new certificates are served", { certificates: current.presented.length });
    return true;
  };

  const poll = watchFiles(options.pollMs ?? certificatePollMs, {
    files: () => pathsOf(filesOf(current), options),
    taken: () => current.stamp,
    changed: () => void reload(),
    looked() {
      // Sessions of longer ago can then be read by nobody, whatever becomes of this process's memory.
      if (nowMs() - current.madeAtMs >= ticketKeysMsMax) take(renewed(current, nowMs()));
    },
  });
  const endExpiry = watchExpiry(() => current.presented, {
    ...options,
    daysLeft: metrics.daysLeft,
    nowMs,
  });
  const handshakes = new Map(
    handshakeOutcomes.map((outcome) => [outcome, metrics.handshakes.child(outcome)]),
  );

  return {
    serverOptions: {
      ...current.first,
      requestCert: options.clientCaFile !== undefined,
      rejectUnauthorized: false,
      SNICallback: (name, done) =>
        done(null, (current.index.find(name) ?? current.presented[0])?.context),
    },
    attach: (server) => void servers.add(server as unknown as TlsServer),
    hasName: (host) => current.index.find(host) !== undefined,
    reload,
    countHandshake: (outcome) => handshakes.get(outcome)?.add(1),
    close() {
      poll.close();
      endExpiry();
      servers.clear();
    },
  };
}

function filesOf(generation: Generation): readonly CertificateFiles[] {
  return generation.presented.map(({ certificate }) => certificate.files);
}

function pathsOf(
  certificates: readonly CertificateFiles[],
  { clientCaFile }: CertificateStoreOptions,
): readonly string[] {
  const pairs = certificates.flatMap(({ certFile, keyFile }) => [certFile, keyFile]);
  return clientCaFile === undefined ? pairs : [...pairs, clientCaFile];
}

function load(
  files: readonly CertificateFiles[],
  options: CertificateStoreOptions,
  nowMs: number,
): Generation {
  // Before they are read: what is written meanwhile is a change still to be seen.
  const stamp = pathsOf(files, options).map(stampNow).join();
  const ca = options.clientCaFile === undefined ? undefined : readAuthorities(options.clientCaFile);
  const certificates = files.map(readCertificate);
  const secure = certificates.map((one) => contextOptions(one, options.minVersion, ca));
  const presented = certificates.map((certificate, i) =>
    present(certificate, secure[i] as SecureContextOptions),
  );
  const first = secure[0] as SecureContextOptions;
  return { first, presented, index: nameIndex(presented), madeAtMs: nowMs, stamp };
}

function present(certificate: Certificate, secure: SecureContextOptions): Presented {
  try {
    const context = createSecureContext(secure);
    return { certificate, names: certificate.names, secure, context };
  } catch (error) {
    const detail = `${certificate.files.certFile} cannot be served: its chain or its key is malformed or too weak`;
    throw new TallygateError("certificate-invalid", detail, error);
  }
}

/** The same certificates with new keys for session tickets. */
function renewed(old: Generation, nowMs: number): Generation {
  const presented = old.presented.map(({ certificate, secure }) => present(certificate, secure));
  return { ...old, presented, index: nameIndex(presented), madeAtMs: nowMs };
}

function contextOptions(
  { cert, key }: Certificate,
  minVersion: TlsVersion,
  ca: string | undefined,
): SecureContextOptions {
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion,
    ciphers,
    honorCipherOrder: true,
    secureOptions:
      // A client that could renegotiate could make the server work as often as it likes on one connection.
      constants.SSL_OP_NO_RENEGOTIATION |
      // A session would outlive the CA that vouched for its client.
      (ca === undefined ? 0 : constants.SSL_OP_NO_TICKET),
    // One for all certificates: a session belongs to the listener.
    sessionIdContext: "tallygate",
    sessionTimeout: sessionTimeoutSeconds,
  };
}

/** "" while it is valid. */
function outOfTime({ files, notBeforeMs, notAfterMs }: Certificate, nowMs: number): string {
  if (nowMs > notAfterMs) return `${files.certFile} expired on ${dateText(notAfterMs)}`;
  if (nowMs < notBeforeMs)
    return `${files.certFile} is valid only from ${dateText(notBeforeMs)} on`;
  return "";
}

function dateText(ms: number): string {
  return new Date(ms).toISOString();
}

function watchExpiry(
  presented: () => readonly Presented[],
  outside: {
    readonly log: Log;
    readonly metrics: Metrics;
    readonly daysLeft: Family<GaugeChild>;
    readonly nowMs: () => number;
  },
): () => void {
  const { log, metrics, daysLeft, nowMs } = outside;
  const told = new Set<string>();
  metrics.onCollect(() => {
    // Of a file that is configured no more nothing is known, least of all that it expires.
    for (const file of told) daysLeft.child(file).set(Number.NaN);
    for (const { certificate } of presented()) {
      const file = certificate.files.certFile;
      told.add(file);
      daysLeft.child(file).set((certificate.notAfterMs - nowMs()) / dayMs);
    }
  });
  const warn = (): void => {
    for (const { certificate } of presented()) {
      const days = Math.floor((certificate.notAfterMs - nowMs()) / dayMs);
      if (days >= warnDays) continue;
      log.warn("a certificate expires soon", { file: certificate.files.certFile, days });
    }
  };
  warn();
  const timer = setInterval(warn, dayMs).unref();
  return () => clearInterval(timer);
}
