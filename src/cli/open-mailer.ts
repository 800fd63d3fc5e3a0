/** The portal's mailer: a mail server's, `dev`'s log, or none. */

import { readFileSync } from "node:fs";
import type { PortalConfig } from "../access/config-portal.ts";
import { logMailer } from "../adapters/node/log-mailer.ts";
import { TallygateError } from "../base/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Mailer } from "../ports/mailer.ts";

/** Bytes of a password, at most. */
const passwordMaxBytes = 4_096;

/** Fails with `config-unreadable` where the password cannot be read. */
export async function openMailer(
  portal: PortalConfig | undefined,
  { isDev, log }: { readonly isDev: boolean; readonly log: Log },
): Promise<Mailer | undefined> {
  if (portal === undefined) return undefined;
  if (isDev) return logMailer(log);
  if (portal.mail === undefined) {
    log.warn("portal.mail is not configured: nobody can sign up");
    return undefined;
  }
  const { passwordFile } = portal.mail;
  const password = passwordFile === "" ? "" : read(passwordFile);
  // What speaks to a mail server is a twentieth of all that a hub loads at its start.
  const { smtpMailer } = await import("../adapters/node/smtp-mailer.ts");
  return smtpMailer({ ...portal.mail, password });
}

function read(file: string): string {
  let password = "";
  try {
    password = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new TallygateError("config-unreadable", `${file}, the mail server's password`, error);
  }
  if (password !== "" && Buffer.byteLength(password) <= passwordMaxBytes) return password;
  throw new TallygateError("config-unreadable", `${file} holds no password`);
}
