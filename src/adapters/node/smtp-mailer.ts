/** The `Mailer` port over SMTP (RFC 5321), with the connections of a pool. */

import { createTransport } from "nodemailer";
import type { MailConfig } from "../../access/config-portal.ts";
import { TallygateError } from "../../base/errors.ts";
import type { Mailer } from "../../ports/mailer.ts";

/** Connections to the mail server. */
const connectionsMax = 2;
/** Mails on their way or waiting; a server that takes one a second is through with them before anybody gives up. */
export const mailsWaitingMax = 20;
/** For each step with the server: connect, greeting, answer. */
const stepMsMax = 10_000;

export interface SmtpOptions extends MailConfig {
  /** "" without log-in. */
  readonly password: string;
}

export function smtpMailer(options: SmtpOptions): Mailer {
  const { from, host, port, security, user, password } = options;
  const transport = createTransport({
    ...{ pool: true, maxConnections: connectionsMax, host, port },
    ...{ secure: security === "tls", requireTLS: security === "starttls" },
    ignoreTLS: security === "none",
    ...(user === "" ? {} : { auth: { user, pass: password } }),
    ...{ connectionTimeout: stepMsMax, greetingTimeout: stepMsMax, socketTimeout: stepMsMax },
    // Nothing in a mail is fetched from a file or the net.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  let waiting = 0;
  return {
    async send({ to, subject, text }) {
      if (waiting >= mailsWaitingMax) {
        throw new TallygateError("too-busy", `${mailsWaitingMax} mails wait for the mail server`);
      }
      waiting++;
      try {
        await transport.sendMail({ from, to: { name: "", address: to }, subject, text });
      } catch (cause) {
        throw failure(cause, to);
      } finally {
        waiting--;
      }
    },
    close: () => transport.close(),
  };
}

/** The server's own words may hold the address: they are left out, codes are kept. */
function failure(cause: unknown, to: string): TallygateError {
  const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
  const reply = typeof responseCode === "number" ? `, reply ${responseCode}` : "";
  const words = `the mail server did not take it (${typeof code === "string" ? code : "no code"}${reply})`;
  const isRefused = typeof responseCode === "number" && responseCode >= 500 && code === "EENVELOPE";
  const detail = isRefused ? "the mail server does not take mails to this address" : words;
  const text = cause instanceof Error ? cause.message.replaceAll(to, "…") : "";
  return new TallygateError("mail-failed", detail, new Error(text));
}
