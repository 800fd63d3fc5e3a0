/** Somebody at the portal's pages, for tests. */

import { present } from "../../../base/assert.ts";
import type { ControlApp } from "../../control-context.ts";
import type { FakeHub } from "../../testing/fake-hub.ts";
import type { EnteredJson } from "../portal-schemas.ts";

export interface Person {
  readonly entered: EnteredJson;
  readonly cookie: string;
}

export interface Sent {
  readonly body?: unknown;
  readonly person?: Person;
  /** "" takes a field away. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

/** As a page of this origin sends it. */
export async function sendTo(app: ControlApp, line: string, sent: Sent = {}): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const { body, person, address } = sent;
  const headers: Record<string, string> = {
    "sec-fetch-site": "same-origin",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(person === undefined
      ? {}
      : { cookie: person.cookie, "x-csrf-token": person.entered.csrfToken }),
    ...sent.headers,
  };
  const given = Object.entries(headers).filter(([, value]) => value !== "");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return app.request(
    path,
    { method, headers: given, ...(body === undefined ? {} : { body: text }) },
    { address: address ?? "198.51.100.1" },
  );
}

/** The token of the link that was mailed. */
export async function linkFor(app: ControlApp, fake: FakeHub, email: string): Promise<string> {
  await sendTo(app, "POST /portal/api/sign-up", { body: { email } });
  return present(/token=(\w+)/.exec(fake.mails.at(-1)?.text ?? "")?.[1], "a link in the mail");
}

export async function enter(app: ControlApp, fake: FakeHub, email: string): Promise<Person> {
  const token = await linkFor(app, fake, email);
  const response = await sendTo(app, "POST /portal/api/session", { body: { token } });
  const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  return { cookie, entered: (await response.json()) as EnteredJson };
}
