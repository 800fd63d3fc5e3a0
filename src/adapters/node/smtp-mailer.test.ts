import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { TallygateError } from "../../base/errors.ts";
import type { Mailer } from "../../ports/mailer.ts";
import { mailsWaitingMax, smtpMailer } from "./smtp-mailer.ts";

interface Server {
  readonly mailer: Mailer;
  /** What the client said, line by line. */
  readonly said: string[];
}

/** A mail server with as many words of SMTP as a mail needs. `answer`: instead of 250, by command. */
async function withServer(
  answer: (command: string) => string | undefined,
  run: (server: Server) => Promise<void>,
  security: "none" | "starttls" = "none",
): Promise<void> {
  const said: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let isBody = false;
    let rest = "";
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    socket.write("220 test\r\n");
    socket.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        said.push(line);
        if (isBody && line !== ".") continue;
        const command = isBody ? "." : line.slice(0, 4).toUpperCase();
        isBody = command === "DATA";
        const reply = answer(command) ?? (isBody ? "354 go on" : "250 ok");
        if (reply !== "") socket.write(`${reply}\r\n`);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const mailer = smtpMailer({
    ...{ from: "Example <keys@example.com>", host: "127.0.0.1", port, security },
    ...{ user: "", password: "", passwordFile: "" },
  });
  try {
    await run({ mailer, said });
  } finally {
    mailer.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

const mail = {
  to: "ann@example.org",
  subject: "Your link",
  text: "Open\nhttps://example.com/#x\n",
};
const ofCode = (code: string) => (error: unknown) =>
  error instanceof TallygateError && error.code === code;

test("a mail goes to its one address, from the configured one, as plain text", async () => {
  await withServer(
    () => undefined,
    async ({ mailer, said }) => {
      await mailer.send(mail);
      assert.ok(said.includes("MAIL FROM:<keys@example.com>"));
      assert.deepEqual(
        said.filter((line) => line.startsWith("RCPT")),
        ["RCPT TO:<ann@example.org>"],
      );
      assert.ok(said.includes("Subject: Your link"));
      assert.ok(said.some((line) => line.startsWith("Content-Type: text/plain")));
      assert.ok(said.includes("https://example.com/#x"));
    },
  );
});

test("an address with a list, a line end or a name in it is still one recipient or none", async () => {
  await withServer(
    () => undefined,
    async ({ mailer, said }) => {
      for (const to of [
        "a@example.org, b@example.org",
        "a@example.org\r\nRCPT TO:<b@example.org>",
      ]) {
        await mailer.send({ ...mail, to }).catch(() => {});
      }
      const recipients = said.filter((line) => /^RCPT TO:<b@example.org>/i.test(line));
      assert.deepEqual(recipients, []);
    },
  );
});

test("a refusal is a failure that does not repeat the address", async () => {
  await withServer(
    (command) => (command === "RCPT" ? "550 no such user ann@example.org" : undefined),
    async ({ mailer }) => {
      const error = await mailer.send(mail).then(
        () => undefined,
        (cause: unknown) => cause as TallygateError,
      );
      assert.ok(error !== undefined);
      const { code, message, cause } = error;
      assert.equal(code, "mail-failed");
      assert.ok(!`${message} ${String(cause)}`.includes("ann@example.org"));
    },
  );
});

test("a server without encryption gets no mail where encryption is wanted", async () => {
  await withServer(
    (command) => (command === "STAR" ? "502 not here" : undefined),
    async ({ mailer, said }) => {
      await assert.rejects(mailer.send(mail), ofCode("mail-failed"));
      assert.ok(!said.some((line) => line.startsWith("MAIL")));
    },
    "starttls",
  );
});

test("mails that wait are bounded", async () => {
  await withServer(
    (command) => (command === "EHLO" ? "" : undefined),
    async ({ mailer }) => {
      const waiting = Array.from({ length: mailsWaitingMax }, () => mailer.send(mail));
      for (const one of waiting) one.catch(() => {});
      await assert.rejects(mailer.send(mail), ofCode("too-busy"));
      mailer.close();
    },
  );
});
