/** Compiles the settings that are single values: hub, regions, keys, journal, stream. */

import { present } from "../base/assert.ts";
import type {
  Cidr,
  HubConfig,
  JournalConfig,
  KeySource,
  KeysConfig,
  ListenAddress,
  Place,
  RegionConfig,
  StreamConfig,
} from "./compiled-config.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import type { ConfigInput } from "./config-schema.ts";
import { compileHubLink, compileHubTls, compileListenerTls } from "./config-tls.ts";
import {
  formatListen,
  isSameListener,
  parseDuration,
  parseListen,
  parseSize,
} from "./config-values.ts";
import { isInCidr, parseAddress, parseCidr } from "./ip-address.ts";

const hubListenDefault = "127.0.0.1:8080";

/** Without `operations`, this many ports above the region's own. */
const operationsPortOffset = 100;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const journalBytesMin = 2 ** 20;
const journalBytesMax = 2 ** 40;

export interface DurationSetting {
  readonly path: ConfigPath;
  readonly text: string | undefined;
  readonly otherwiseMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Milliseconds of a setting whose form the schema has checked, or its default. */
export function durationBetween(setting: DurationSetting, problems: ProblemList): number {
  if (setting.text === undefined) return setting.otherwiseMs;
  const ms = present(parseDuration(setting.text), "a checked duration");
  if (ms < setting.minMs || ms > setting.maxMs) {
    const expected = `${formatDuration(setting.minMs)} to ${formatDuration(setting.maxMs)}`;
    problems.add(setting.path, expected, { value: setting.text });
  }
  return ms;
}

function formatDuration(ms: number): string {
  if (ms % dayMs === 0) return `${ms / dayMs}d`;
  if (ms % hourMs === 0) return `${ms / hourMs}h`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

interface Listener {
  readonly path: ConfigPath;
  readonly address: ListenAddress;
}

function readPlace(text: string | undefined): Place | undefined {
  const [latitude, longitude] = text?.split(",").map(Number) ?? [];
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
}

export function compilePlaces(
  input: ConfigInput,
  file: string,
  problems: ProblemList,
): { hub: HubConfig; regions: readonly RegionConfig[] } {
  const listeners: Listener[] = [];
  const hubListen = readListen(["hub", "listen"], input.hub?.listen ?? hubListenDefault, problems);
  const hubTls = compileHubTls(input.hub?.tls, file);
  if (hubTls === undefined && !isPrivateHost(hubListen.host)) {
    problems.add(
      ["hub", "listen"],
      "a loopback or private address, or hub.tls: the control plane is not served in the clear",
      { value: input.hub?.listen },
    );
  }
  listeners.push({ path: ["hub", "listen"], address: hubListen });
  const regions = Object.entries(input.regions).map(([name, written]): RegionConfig => {
    const path: ConfigPath = ["regions", name];
    const listen = readListen([...path, "listen"], written.listen, problems);
    const processes = written.processes ?? 1;
    const operations =
      written.operations === undefined
        ? { host: "127.0.0.1", port: listen.port === 0 ? 0 : listen.port + operationsPortOffset }
        : readListen([...path, "operations"], written.operations, problems);
    if (operations.port + processes - 1 > 65_535) {
      problems.add([...path, "operations"], "ports up to 65535 for all processes", {
        text: formatListen(operations),
      });
    }
    listeners.push({ path: [...path, "listen"], address: listen });
    const tls = compileListenerTls(written.tls, { path: [...path, "tls"], file, problems });
    if (tls?.redirect !== undefined) {
      const redirectPath = [...path, "tls", "redirect", "listen"];
      listeners.push({ path: redirectPath, address: tls.redirect.listen });
    }
    const proxyProtocol = written.proxyProtocol === true;
    if (proxyProtocol && (input.clients?.trustedProxies ?? []).length === 0) {
      problems.add([...path, "proxyProtocol"], "clients.trustedProxies to name whom to believe", {
        value: true,
      });
    }
    for (let k = 0; k < processes; k++) {
      const port = operations.port === 0 ? 0 : operations.port + k;
      listeners.push({ path: [...path, "operations"], address: { ...operations, port } });
    }
    const publicUrl = written.url ?? "";
    const location = readPlace(written.location);
    return { name, listen, operations, processes, url: publicUrl, tls, location, proxyProtocol };
  });
  checkListeners(listeners, problems);
  const url = hubUrl(input, hubListen);
  const link = compileHubLink(input.hub ?? {}, file);
  if ((link.caFile ?? link.certificate) !== undefined && !url.startsWith("https:")) {
    problems.add(["hub", "url"], "a URL that begins with https://, where ca or client is given", {
      text: url,
    });
  }
  return { hub: { listen: hubListen, url, tls: hubTls, link }, regions };
}

function checkListeners(listeners: readonly Listener[], problems: ProblemList): void {
  for (const [i, listener] of listeners.entries()) {
    const other = listeners.slice(0, i).find((o) => isSameListener(o.address, listener.address));
    if (other === undefined) continue;
    problems.add(listener.path, `a port of its own: ${other.path.join(".")} has it already`, {
      text: formatListen(listener.address),
    });
  }
}

function hubUrl(input: ConfigInput, listen: ListenAddress): string {
  const scheme = input.hub?.tls === undefined ? "http" : "https";
  return input.hub?.url?.replace(/\/$/, "") ?? `${scheme}://${formatListen(listen)}`;
}

function readListen(path: ConfigPath, text: string, problems: ProblemList): ListenAddress {
  const address = parseListen(text);
  if (address !== undefined) return address;
  problems.add(path, "an address to listen on such as 127.0.0.1:8080", { value: text });
  return { host: "127.0.0.1", port: 0 };
}

/** Loopback, RFC 1918, RFC 6598, RFC 4193 and link-local. */
const privateBlocks: readonly Cidr[] = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
].map((text) => parseCidr(text) as Cidr);

function isPrivateHost(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const words = new Uint32Array(4);
  return parseAddress(host, words) && privateBlocks.some((block) => isInCidr(words, block));
}

export function compileKeys(input: ConfigInput, problems: ProblemList): KeysConfig {
  const written = input.keys?.from ?? ["header:x-api-key", "bearer"];
  const from = written.map((text): KeySource => {
    if (text === "bearer") return { kind: "bearer" };
    const name = text.slice(text.indexOf(":") + 1);
    return text.startsWith("header:")
      ? { kind: "header", name: name.toLowerCase() }
      : { kind: "query", name };
  });
  const texts = from.map((source) => JSON.stringify(source));
  for (const [i, text] of texts.entries()) {
    if (texts.indexOf(text) !== i) {
      problems.add(["keys", "from", i], "each place once", { value: written[i] });
    }
    if (text === '{"kind":"header","name":"authorization"}') {
      problems.add(["keys", "from", i], "bearer for keys in Authorization", { value: written[i] });
    }
  }
  return { prefix: input.keys?.prefix ?? "tg", from };
}

export function compileJournal(input: ConfigInput, problems: ProblemList): JournalConfig {
  const written = input.journal ?? {};
  const path: ConfigPath = ["journal"];
  const sizeMaxBytes =
    written.sizeMax === undefined ? 2 ** 33 : present(parseSize(written.sizeMax), "a checked size");
  if (sizeMaxBytes < journalBytesMin || sizeMaxBytes > journalBytesMax) {
    problems.add([...path, "sizeMax"], "1MiB to 1TiB", { value: written.sizeMax });
  }
  const flush = { text: written.flushInterval, otherwiseMs: 50, minMs: 1, maxMs: 10_000 };
  const keep = { text: written.retention, otherwiseMs: dayMs, minMs: 0, maxMs: 366 * dayMs };
  return {
    flushIntervalMs: durationBetween({ path: [...path, "flushInterval"], ...flush }, problems),
    sizeMaxBytes,
    retentionMs: durationBetween({ path: [...path, "retention"], ...keep }, problems),
  };
}

export function compileStream(input: ConfigInput, problems: ProblemList): StreamConfig {
  const written = input.stream ?? {};
  const setting = (
    field: keyof typeof written,
    bounds: { otherwiseMs: number; minMs: number; maxMs: number },
  ): number =>
    durationBetween({ path: ["stream", field], text: written[field], ...bounds }, problems);
  return {
    checkpointIntervalMs: setting("checkpointInterval", {
      otherwiseMs: 2_000,
      minMs: 100,
      maxMs: hourMs,
    }),
    publishIntervalMs: setting("publishInterval", { otherwiseMs: 10, minMs: 1, maxMs: 10_000 }),
    retentionMs: setting("retention", { otherwiseMs: 7 * dayMs, minMs: 0, maxMs: 366 * dayMs }),
    sealIntervalMs: setting("sealInterval", {
      otherwiseMs: dayMs,
      minMs: 1_000,
      maxMs: 366 * dayMs,
    }),
  };
}
