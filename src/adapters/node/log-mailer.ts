/** The `Mailer` port for `dev`, where there is no mail server: prints mails, addresses and links included, as warnings. */

import type { Log } from "../../ports/log.ts";
import type { Mailer } from "../../ports/mailer.ts";

export function logMailer(log: Pick<Log, "warn">): Mailer {
  return {
    async send({ to, subject, text }) {
      const link = /https?:\/\/\S+/.exec(text)?.[0];
      log.warn("a mail, printed since `dev` sends none", { to, subject, link });
    },
    close() {},
  };
}
