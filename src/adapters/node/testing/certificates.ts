/** Certificates for tests, made by the `openssl` command, each in files of a folder that goes with the test. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ensureDebian } from "../../../../scripts/debian.ts";
import type { CertificateFiles } from "../../../access/compiled-config.ts";

// There on almost every machine; where it is not, and cannot be installed, the tests fail and say so.
if (spawnSync("openssl", ["version"]).status !== 0) {
  const state = await ensureDebian(["openssl"]);
  if (state.state !== "installed") throw new Error(state.why);
}

export interface MadeCertificate extends CertificateFiles {
  /** PEM. */
  readonly cert: string;
}

export interface CertificateMaker {
  readonly folder: string;
  /** Signs the others; its `cert` is what clients trust. */
  readonly authority: MadeCertificate;
  /** `file` names the pair: made again under the same name, the files are replaced. */
  make(file: string, options: CertificateRequest): MadeCertificate;
}

export interface CertificateRequest {
  /** `DNS:` names or, with a prefix of its own, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  readonly days?: number;
  readonly isSelfSigned?: boolean;
}

/** The caller removes `folder`. */
export function certificateMaker(): CertificateMaker {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-certificates-"));
  const authority = sign(folder, "authority", { names: [], days: 30, isSelfSigned: true });
  return {
    folder,
    authority,
    make: (file, options) =>
      sign(folder, file, options, options.isSelfSigned === true ? undefined : authority),
  };
}

export function certificatesFor(t: TestContext): CertificateMaker {
  const maker = certificateMaker();
  t.after(() => rmSync(maker.folder, { recursive: true, force: true }));
  return maker;
}

function sign(
  folder: string,
  file: string,
  { names, days = 30 }: CertificateRequest,
  authority?: CertificateFiles,
): MadeCertificate {
  const certFile = join(folder, `${file}.crt`);
  const keyFile = join(folder, `${file}.key`);
  const alternatives = names.map((name) => (name.includes(":") ? name : `DNS:${name}`));
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    keyFile,
  ];
  const extension = names.length === 0 ? [] : ["-addext", `subjectAltName=${alternatives.join()}`];
  const use =
    authority === undefined
      ? []
      : [
          "-CA",
          authority.certFile,
          "-CAkey",
          authority.keyFile,
          "-addext",
          "basicConstraints=CA:FALSE",
        ];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", ...key, "-out", certFile, "-days", String(days)],
      ...["-subj", `/CN=${file}`, ...extension, ...use],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  return { certFile, keyFile, cert: readFileSync(certFile, "utf8") };
}
