/** One certificate with its key, read from PEM files and checked: a pair that would fail a handshake is refused here. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { CertificateFiles } from "../../access/compiled-config.ts";
import { TallygateError } from "../../base/errors.ts";

/** Bytes of a PEM file, at most; a long chain has 20 KB, a bundle of all public CAs 250 KB. */
const pemBytesMax = 1024 * 1024;

export interface Certificate {
  readonly files: CertificateFiles;
  /** PEM, the whole chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** DNS names, lower case, as the certificate has them: `example.com`, `*.example.com`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Fails with `certificate-invalid`. The validity period is told, not judged. */
export function readCertificate(files: CertificateFiles): Certificate {
  const cert = readPem(files.certFile);
  const key = readPem(files.keyFile);
  const leaf = parseLeaf(cert, files.certFile);
  if (!leaf.checkPrivateKey(parseKey(key, files.keyFile))) {
    throw invalid(`${files.keyFile} is not the key of the first certificate in ${files.certFile}`);
  }
  return {
    files,
    cert,
    key,
    names: namesOf(leaf),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
  };
}

/** One or more CA certificates. Fails with `certificate-invalid`. */
export function readAuthorities(file: string): string {
  const pem = readPem(file);
  parseLeaf(pem, file);
  return pem;
}

function readPem(file: string): string {
  try {
    if (statSync(file).size > pemBytesMax) throw invalid(`${file} is larger than any certificate`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof TallygateError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EACCES"
          ? "this user may not read it"
          : String(code);
    throw invalid(`${file}: ${why}`, error);
  }
}

function parseLeaf(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(`${file} does not begin with a certificate in PEM`, error);
  }
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw invalid(`${file} does not hold a private key in PEM without a passphrase`, error);
  }
}

/** The subject's common name counts only where there are no alternative names, as RFC 6125 6.4.4 has it. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const alternatives = [...(leaf.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"\s]+)/g)];
  const names = alternatives.map((match) => match[1] as string);
  if (leaf.subjectAltName === undefined) {
    const common = /^CN=(.*)$/m.exec(leaf.subject)?.[1];
    if (common !== undefined) names.push(common);
  }
  const known = names.map((name) => name.toLowerCase().replace(/\.$/, ""));
  return [...new Set(known.filter((name) => /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)))];
}

function invalid(detail: string, cause?: unknown): TallygateError {
  return new TallygateError("certificate-invalid", detail, cause);
}
