import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { compileConfig } from "../../src/access/config.ts";
import type { HandlerCall } from "../../src/index.ts";
import { openDatabases } from "./databases.ts";
import lookup, { createLookup } from "./lookup.ts";

function call(params: Record<string, string>, clientAddress = "127.0.0.1"): HandlerCall {
  const caller = { kind: "anonymous", keyId: "", owner: "" } as const;
  return { caller, plan: "anonymous", region: "sydney", params, requestId: "r-1", clientAddress };
}

/** What an answer may hold; each test asserts what it does hold. */
interface Body {
  readonly ip: string;
  readonly country: { readonly code: string } | null;
  readonly attribution: string;
  readonly reserved: { readonly range: string; readonly use: string; readonly rfc: number };
  readonly status: number;
  readonly instance: string;
}

async function answer(params: Record<string, string>, clientAddress?: string) {
  const asked = new Request("http://gateway.test/");
  const reply = lookup(asked, call(params, clientAddress));
  assert.ok(reply instanceof Response, "answers at once");
  return {
    status: reply.status,
    type: reply.headers.get("content-type"),
    body: (await reply.json()) as Body,
  };
}

const places: [asked: string, ip: string, country: object][] = [
  ["8.8.8.8", "8.8.8.8", { code: "US", name: "United States" }],
  ["1.1.1.1", "1.1.1.1", { code: "AU", name: "Australia" }],
  ["2001:4860:4860::8888", "2001:4860:4860::8888", { code: "US", name: "United States" }],
  ["2001:4860:4860:0:0:0:0:8888", "2001:4860:4860::8888", { code: "US", name: "United States" }],
  ["2606:4700:4700::1111", "2606:4700:4700::1111", { code: "US", name: "United States" }],
  ["::ffff:8.8.8.8", "8.8.8.8", { code: "US", name: "United States" }],
  ["::FFFF:808:808", "8.8.8.8", { code: "US", name: "United States" }],
  ["202.12.27.33", "202.12.27.33", { code: "JP", name: "Japan" }],
];
for (const [asked, ip, country] of places) {
  test(`${asked} is in ${JSON.stringify(country)}`, async () => {
    const { status, type, body } = await answer({ ip: asked });
    assert.equal(status, 200);
    assert.equal(type, "application/json; charset=utf-8");
    const { attribution, ...rest } = body;
    assert.deepEqual(rest, { ip, country });
    assert.match(attribution, /nro\.net/);
  });
}

const reserved: [asked: string, ip: string, range: string][] = [
  ["0.0.0.0", "0.0.0.0", "0.0.0.0/8"],
  ["10.1.2.3", "10.1.2.3", "10.0.0.0/8"],
  ["100.64.0.1", "100.64.0.1", "100.64.0.0/10"],
  ["127.0.0.1", "127.0.0.1", "127.0.0.0/8"],
  ["169.254.1.1", "169.254.1.1", "169.254.0.0/16"],
  ["172.31.255.255", "172.31.255.255", "172.16.0.0/12"],
  ["192.168.1.1", "192.168.1.1", "192.168.0.0/16"],
  ["203.0.113.7", "203.0.113.7", "203.0.113.0/24"],
  ["224.0.0.251", "224.0.0.251", "224.0.0.0/4"],
  ["240.0.0.1", "240.0.0.1", "240.0.0.0/4"],
  ["255.255.255.255", "255.255.255.255", "255.255.255.255/32"],
  ["::ffff:10.0.0.1", "10.0.0.1", "10.0.0.0/8"],
  ["::", "::", "::/128"],
  ["::1", "::1", "::1/128"],
  ["2001:DB8:0::7", "2001:db8::7", "2001:db8::/32"],
  ["fd00::1", "fd00::1", "fc00::/7"],
  ["fe80::1", "fe80::1", "fe80::/10"],
  ["ff02::1", "ff02::1", "ff00::/8"],
  ["64:ff9b::808:808", "64:ff9b::808:808", "64:ff9b::/96"],
];
for (const [asked, ip, range] of reserved) {
  test(`${asked} is in no country but in ${range}`, async () => {
    const { status, body } = await answer({ ip: asked });
    assert.equal(status, 200);
    assert.equal(body.ip, ip);
    assert.equal(body.country, null);
    assert.equal(body.reserved.range, range);
    assert.ok(body.reserved.use.length > 0 && body.reserved.rfc > 0);
  });
}

for (const next of ["9.255.255.255", "11.0.0.0", "100.63.255.255", "172.32.0.1", "192.169.0.1"]) {
  test(`${next}, next to a reserved range, is looked up`, async () => {
    assert.ok(!("reserved" in (await answer({ ip: next })).body));
  });
}

const invalid = [
  "",
  "x",
  "8.8.8",
  "8.8.8.8.8",
  "256.1.1.1",
  "08.8.8.8",
  "1.2.3.4/24",
  "fe80::1%eth0",
];
for (const text of [...invalid, ":::", "[::1]", " 8.8.8.8", "0x8080808", "favicon.ico"]) {
  test(`"${text}" is no address: 400`, async () => {
    const { status, type, body } = await answer({ ip: text });
    assert.equal(status, 400);
    assert.equal(type, "application/problem+json");
    assert.deepEqual([body.status, body.instance], [400, "r-1"]);
  });
}

test("without an address in the path, the caller's own is looked up", async () => {
  assert.equal((await answer({}, "8.8.8.8")).body.country?.code, "US");
  assert.equal((await answer({}, "2001:4860:4860::8888")).body.country?.code, "US");
  assert.equal((await answer({}, "127.0.0.1")).body.reserved.use, "loopback");
});

test("an address that no database knows is in no known country", async () => {
  const unknown = createLookup({ country: () => undefined, attribution: "" });
  const reply = unknown(new Request("http://gateway.test/"), call({ ip: "8.8.8.8" }));
  assert.equal(((await reply.json()) as Body).country, null);
});

test("with city data, the place and its attribution are in the answer", async () => {
  const place = { city: "London", region: "England", latitude: 51.5143, longitude: -0.0912 };
  const withCity = createLookup({
    country: () => "FR",
    city: (address, version) =>
      version === "ipv4" && address === "81.2.69.142" ? { country: "GB", ...place } : undefined,
    attribution: "https://db-ip.com/",
  });
  const ask = (ip: string) => withCity(new Request("http://gateway.test/"), call({ ip })).json();
  const country = { code: "GB", name: "United Kingdom" };
  const attribution = "https://db-ip.com/";
  assert.deepEqual(await ask("81.2.69.142"), { ip: "81.2.69.142", country, ...place, attribution });
  const elsewhere = { ip: "81.2.69.143", country: { code: "FR", name: "France" }, attribution };
  assert.deepEqual(await ask("81.2.69.143"), elsewhere);
});

test("a city database that is not there stops the load, naming what is missing", () => {
  assert.throws(() => openDatabases("/no/such/folder"), /no\/such\/folder/);
});

test("the example's configuration compiles, and its handlers are here", () => {
  const file = fileURLToPath(new URL("tallygate.yaml", import.meta.url));
  const text = readFileSync(file, "utf8");
  const result = compileConfig(text, {
    file,
    format: "yaml",
    environment: {},
    fileExists: existsSync,
    readText: (path) => readFileSync(path, "utf8"),
  });
  assert.ok("config" in result, JSON.stringify(result));
  assert.deepEqual(
    result.config.plans.map((plan) => plan.name),
    ["anonymous", "free", "pro"],
  );
});
