/** `portal`: what people who use the API see of it, and how the hub reaches them by mail. */

import * as z from "zod";
import type { Plan } from "../limits/plan.ts";
import { contrast } from "./color-contrast.ts";
import { duration, group, httpUrl, list, oneOf, text, wholeNumber } from "./config-fields.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import type { ConfigInput } from "./config-schema.ts";
import { durationBetween } from "./config-settings.ts";
import { readReference } from "./portal-reference.ts";

export interface PortalConfig {
  /** Where people reach it, without a slash at the end; "": where the hub is reached. */
  readonly url: string;
  /** Of the keys that people make. */
  readonly plan: string;
  /** Keys of one person that are neither revoked nor expired. */
  readonly keysMax: number;
  readonly name: string;
  /** SVG; "": none. */
  readonly logo: string;
  /** Undefined: the page's own. */
  readonly accent: { readonly light: string; readonly dark: string } | undefined;
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** Where calls go, by region; of regions without one the listener's own address is shown. */
  readonly endpoints: ReadonlyMap<string, string>;
  /** An OpenAPI document; undefined: none. */
  readonly reference: object | undefined;
  readonly linkLifetimeMs: number;
  readonly mail: MailConfig | undefined;
}

export interface MailConfig {
  readonly from: string;
  readonly host: string;
  readonly port: number;
  /** `starttls`: refused by a server that cannot. */
  readonly security: "tls" | "starttls" | "none";
  /** "": without log-in. */
  readonly user: string;
  /** Absolute if the configuration's is; "" without log-in. */
  readonly passwordFile: string;
}

const linksMax = 8;
/** Characters of a logo; a drawing has a few thousand. */
const logoLengthMax = 65_536;
/** Of text against what it stands on (WCAG 2.2, 1.4.3). */
const contrastMin = 4.5;
/** The pages' grounds, light and dark, that accents stand on. */
const grounds = { light: "#f5f6f3", dark: "#161d1a" } as const;

const color = text(/^#[0-9A-Fa-f]{6}$/, "a colour such as #0b6b57");
const shortText = text(/^[^\p{Cc}]{1,64}$/u, "1 to 64 characters");
const file = z.string({ error: "the path of a file" }).min(1).max(4_096);
const mailbox = text(
  /^(?:[^\p{Cc}<>"]{1,64} <[^\s<>@"]{1,64}@[^\s<>@"]{1,189}>|[^\s<>@"]{1,64}@[^\s<>@"]{1,189})$/u,
  "an address such as keys@example.com or Example API <keys@example.com>",
);

export const portalSchema = group({
  plan: z.string({ error: "the name of a plan" }).describe("Of the keys that people make."),
  url: httpUrl
    .optional()
    .describe("Where people reach the portal; its path is /portal. Default: `hub.url`."),
  keysMax: wholeNumber(1, 100).optional().describe("Valid keys of one person. Default 5."),
  name: shortText.optional().describe("Of the API, at the head of the pages. Default API."),
  logo: file.optional().describe("An SVG file, relative to this one. Default: none."),
  colors: group({
    accent: color.describe("On light pages: of links and buttons."),
    accentDark: color.describe("On dark ones."),
  })
    .optional()
    .describe("Must stand out against the page by 4.5 to 1 (WCAG). Default: a green."),
  links: list(
    group({ label: shortText.describe("As shown."), url: httpUrl.describe("Where it leads.") }),
    0,
    linksMax,
  )
    .optional()
    .describe("At the foot of the pages: documentation, terms, support."),
  endpoints: z
    .record(z.string(), httpUrl, { error: "a group of names of regions" })
    .optional()
    .describe("Where calls go, by region. Default: what the gateway listens on."),
  openapi: file
    .optional()
    .describe(
      "An OpenAPI document of the API, JSON or YAML, relative to this file: the reference.",
    ),
  linkLifetime: duration
    .optional()
    .describe("How long a link in a mail can be used, 1m to 24h. Default 30m."),
  mail: group({
    from: mailbox.describe("The sender."),
    host: text(/^[A-Za-z0-9.:[\]-]{1,255}$/, "the name or address of a mail server").describe(
      "The mail server.",
    ),
    port: wholeNumber(1, 65_535).optional().describe("Default 587, with `security: tls` 465."),
    security: oneOf(["starttls", "tls", "none"])
      .optional()
      .describe("none: only for a server on this machine. Default starttls."),
    user: text(/^[^\p{Cc}]{1,256}$/u, "1 to 256 characters")
      .optional()
      .describe("For log-in."),
    passwordFile: file
      .optional()
      .describe("A file with the password, relative to this one; read at each start."),
  })
    .optional()
    .describe(
      "How mails are sent. Left out, nobody can sign up but with `dev`, which prints them.",
    ),
}).describe("The pages at /portal of the hub, where people get keys and see their usage.");

export interface PortalContext {
  readonly file: string;
  readonly plans: readonly Plan[];
  readonly readText: (path: string) => string | undefined;
  readonly problems: ProblemList;
}

export function compilePortal(
  input: ConfigInput,
  context: PortalContext,
): PortalConfig | undefined {
  const written = input.portal;
  if (written === undefined) return undefined;
  const { problems, plans } = context;
  if (!plans.some(({ name }) => name === written.plan)) {
    const expected = `one of ${plans.map(({ name }) => name).join(", ")}`;
    problems.add(["portal", "plan"], expected, { value: written.plan });
  }
  for (const name of Object.keys(written.endpoints ?? {})) {
    if (Object.hasOwn(input.regions, name)) continue;
    const expected = `one of ${Object.keys(input.regions).join(", ")}`;
    problems.add(["portal", "endpoints", name], expected, { text: `the region ${name}` });
  }
  const lifetime = { text: written.linkLifetime, otherwiseMs: 1_800_000 };
  const path: ConfigPath = ["portal", "linkLifetime"];
  return {
    url: (written.url ?? "").replace(/\/$/, ""),
    plan: written.plan,
    keysMax: written.keysMax ?? 5,
    name: written.name ?? "API",
    logo: readLogo(written.logo, context),
    accent: accentOf(written.colors, problems),
    links: written.links ?? [],
    endpoints: new Map(
      Object.entries(written.endpoints ?? {}).map(([name, url]) => [name, url.replace(/\/$/, "")]),
    ),
    reference: readReference(written.openapi, context),
    linkLifetimeMs: durationBetween(
      { path, ...lifetime, minMs: 60_000, maxMs: 86_400_000 },
      problems,
    ),
    mail: mailOf(written.mail, context),
  };
}

function readLogo(logo: string | undefined, { file, readText, problems }: PortalContext): string {
  if (logo === undefined) return "";
  const svg = readText(resolveBeside(file, logo));
  // Empty: whoever checks a configuration from afar sees no files.
  if (svg === "" || (svg !== undefined && svg.length <= logoLengthMax && /<svg[\s>]/.test(svg))) {
    return svg;
  }
  problems.add(["portal", "logo"], `an SVG file of at most ${logoLengthMax} characters`, {
    value: logo,
  });
  return "";
}

function accentOf(
  colors: { readonly accent: string; readonly accentDark: string } | undefined,
  problems: ProblemList,
): PortalConfig["accent"] {
  if (colors === undefined) return undefined;
  const accents = [
    ["accent", colors.accent, grounds.light],
    ["accentDark", colors.accentDark, grounds.dark],
  ] as const;
  for (const [field, value, ground] of accents) {
    if (contrast(value, ground) >= contrastMin) continue;
    problems.add(["portal", "colors", field], `a contrast of ${contrastMin} against ${ground}`, {
      text: `${value}, which has ${contrast(value, ground).toFixed(1)}`,
    });
  }
  return { light: colors.accent, dark: colors.accentDark };
}

type MailInput = NonNullable<NonNullable<ConfigInput["portal"]>["mail"]>;

function mailOf(
  written: MailInput | undefined,
  { file, problems }: PortalContext,
): MailConfig | undefined {
  if (written === undefined) return undefined;
  const { from, host, security = "starttls", user = "", passwordFile } = written;
  if ((user === "") !== (passwordFile === undefined)) {
    problems.add(["portal", "mail"], "user and passwordFile together, or neither", {
      text: user === "" ? "passwordFile alone" : "user alone",
    });
  }
  if (security === "none" && user !== "") {
    problems.add(["portal", "mail", "security"], "starttls or tls, where there is a password", {
      value: security,
    });
  }
  return {
    ...{ from, host, security, user },
    port: written.port ?? (security === "tls" ? 465 : 587),
    passwordFile: passwordFile === undefined ? "" : resolveBeside(file, passwordFile),
  };
}
