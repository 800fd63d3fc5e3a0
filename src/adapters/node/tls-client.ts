/** What a client of TLS reads from files: CAs to trust, a certificate to present. */

import type { CertificateFiles } from "../../access/compiled-config.ts";
import { readAuthorities, readCertificate } from "./tls-certificate.ts";

export interface ClientTlsFiles {
  readonly caFile: string | undefined;
  readonly certificate: CertificateFiles | undefined;
}

/** PEM. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Fails with `certificate-invalid`. */
export function readClientTls({ caFile, certificate }: ClientTlsFiles): ClientTls {
  const pair = certificate === undefined ? undefined : readCertificate(certificate);
  return {
    ...(caFile === undefined ? {} : { ca: readAuthorities(caFile) }),
    ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
  };
}
