/** Incidents as an Atom feed (RFC 4287). All that people wrote is text, and escaped. */

import { sha256Hex } from "../base/hash.ts";
import type { PublicIncident, PublicStatus } from "../status/public-status.ts";

/** `feedId`: 32 hex digits, for good. */
export function atomFeed(status: PublicStatus, feedId: string): string {
  const { name, incidents, generatedAt } = status;
  const newest = incidents
    .map(({ changedAt }) => changedAt)
    .sort()
    .at(-1);
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `<id>urn:uuid:${uuidOf(feedId)}</id>`,
    `<title>${escaped(name === "" ? "Status" : `${name}: status`)}</title>`,
    `<author><name>${escaped(name === "" ? "Status" : name)}</name></author>`,
    `<updated>${newest ?? generatedAt}</updated>`,
    '<link rel="self" type="application/atom+xml" href="/status.atom"/>',
    '<link rel="alternate" type="text/html" href="/status"/>',
    ...incidents.map((incident) => entry(incident, feedId)),
    "</feed>",
    "",
  ].join("\n");
}

function entry(incident: PublicIncident, feedId: string): string {
  const { id, title, impact, regions, startedAt, endedAt, changedAt, updates } = incident;
  const where = regions.length === 0 ? "" : ` · ${regions.join(", ")}`;
  const span = endedAt === null ? `since ${startedAt}` : `${startedAt} to ${endedAt}`;
  const lines = updates.map(({ at, phase, text }) => `${at} ${phase}: ${text}`);
  return [
    "<entry>",
    `<id>urn:uuid:${uuidOf(sha256Hex(`${feedId}/${id}`))}</id>`,
    `<title>${escaped(title)}</title>`,
    `<published>${startedAt}</published>`,
    `<updated>${changedAt}</updated>`,
    `<link rel="alternate" type="text/html" href="/status#${escaped(id)}"/>`,
    `<category term="${escaped(impact)}"/>`,
    `<content type="text">${escaped([`${impact}${where} · ${span}`, ...lines].join("\n"))}</content>`,
    "</entry>",
  ].join("\n");
}

const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** What XML 1.0 has no place for at all is left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replace(/[&<>"']/g, (character) => references[character] as string);
}

/** Of a hash or a random number: version 8, which says no more than that (RFC 9562, 5.8). */
function uuidOf(hex: string): string {
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
