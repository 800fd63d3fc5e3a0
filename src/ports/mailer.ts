/** Sends mails of the portal. */

export interface Mail {
  /** One address, checked. */
  readonly to: string;
  readonly subject: string;
  /** Plain text, in lines. */
  readonly text: string;
}

export interface Mailer {
  /**
   * Resolves when a server has taken the mail on. Fails with `mail-failed`, and with `too-busy` while too many wait. It is not sent
   * again: whoever wants it asks anew.
   */
  send(mail: Mail): Promise<void>;
  /** What is on its way is given up. */
  close(): void;
}
