import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledConfig } from "./compiled-config.ts";
import { compileConfigValue } from "./config.ts";

type Groups = Record<string, unknown>;

function compile(change: { hub?: Groups; region?: Groups; clients?: Groups; upstream?: Groups }) {
  const value = {
    version: 1,
    ...(change.hub === undefined ? {} : { hub: change.hub }),
    ...(change.clients === undefined ? {} : { clients: change.clients }),
    regions: { one: { listen: "127.0.0.1:8443", ...change.region } },
    plans: { p: { limits: [] } },
    upstreams: { u: { targets: ["https://api.example"], ...change.upstream } },
    routes: [{ path: "/", upstream: "u" }],
  };
  return compileConfigValue(value, { file: "/etc/t/c.yaml", fileExists: () => true });
}

function good(change: Parameters<typeof compile>[0]): CompiledConfig {
  const result = compile(change);
  assert.ok("config" in result, JSON.stringify(result));
  return result.config;
}

const certificates = [{ cert: "a.crt", key: "/keys/a.key" }];
const pair = { certFile: "/etc/t/a.crt", keyFile: "/keys/a.key" };

test("without tls nothing is encrypted but https targets, which are checked", () => {
  const { hub, regions, upstreams } = good({});
  assert.equal(hub.tls, undefined);
  assert.equal(hub.url, "http://127.0.0.1:8080");
  assert.equal(regions[0]?.tls, undefined);
  assert.equal(regions[0]?.proxyProtocol, false);
  assert.equal(upstreams[0]?.tls, undefined);
});

test("files are relative to the configuration; 1.2 is the default", () => {
  const redirect = { listen: "0.0.0.0:80", port: 443 };
  const hsts = { maxAge: "365d", includeSubDomains: true };
  assert.deepEqual(good({ region: { tls: { certificates, redirect, hsts } } }).regions[0]?.tls, {
    certificates: [pair],
    minVersion: "TLSv1.2",
    redirect: { listen: { host: "0.0.0.0", port: 80 }, port: 443 },
    strictTransportSecurity: "max-age=31536000; includeSubDomains",
  });
});

test("a hub with tls may listen anywhere, and is reached by https", () => {
  const { hub } = good({
    hub: { listen: "0.0.0.0:9443", tls: { cert: "a.crt", key: "/keys/a.key", clientCa: "ca.crt" } },
  });
  assert.equal(hub.url, "https://0.0.0.0:9443");
  assert.deepEqual(hub.tls, {
    certificate: pair,
    minVersion: "TLSv1.2",
    clientCaFile: "/etc/t/ca.crt",
  });
});

test("gateways may trust a CA of one's own and present a certificate", () => {
  const client = { cert: "a.crt", key: "/keys/a.key" };
  const { hub } = good({ hub: { url: "https://hub.example/", ca: "ca.crt", client } });
  assert.deepEqual(hub.link, { caFile: "/etc/t/ca.crt", certificate: pair });
});

test("what an upstream's tls says is compiled", () => {
  const tls = { ca: "ca.crt", cert: "a.crt", key: "/keys/a.key", serverName: "inner.example" };
  assert.deepEqual(good({ upstream: { tls } }).upstreams[0]?.tls, {
    caFile: "/etc/t/ca.crt",
    certificate: pair,
    serverName: "inner.example",
    isVerified: true,
  });
});

test("what does not fit together is refused in a sentence", () => {
  const table: [change: Parameters<typeof compile>[0], message: RegExp][] = [
    [
      { hub: { listen: "0.0.0.0:8080" } },
      /hub\.listen: .*loopback or private address, or hub\.tls/,
    ],
    [{ hub: { ca: "ca.crt" } }, /hub\.url: found http:.*, expected a URL that begins with https/],
    [{ region: { tls: { certificates: [] } } }, /tls\.certificates: .* a list of 1 to 256/],
    [
      { region: { tls: { certificates: [...certificates, ...certificates] } } },
      /certificates\[1\]\.cert: .* each certificate once/,
    ],
    [
      { region: { tls: { certificates, minVersion: "1.1" } } },
      /minVersion: found "1.1", expected one of 1.2, 1.3/,
    ],
    [
      { region: { tls: { certificates, redirect: { listen: "0.0.0.0:99999" } } } },
      /redirect\.listen: .*an address to listen on/,
    ],
    [
      { region: { tls: { certificates, redirect: { listen: "127.0.0.1:8443" } } } },
      /a port of its own: regions\.one\.listen has it already/,
    ],
    [
      { region: { tls: { certificates, hsts: { maxAge: "731d" } } } },
      /hsts\.maxAge: found "731d", expected 0s to 730d/,
    ],
    [{ region: { proxyProtocol: true } }, /proxyProtocol: .*clients\.trustedProxies/],
    [{ upstream: { tls: { cert: "a.crt" } } }, /cert without key, expected both cert and key/],
    [
      { upstream: { tls: {}, targets: ["http://api.example"] } },
      /tls only with targets that begin with https/,
    ],
    [
      { upstream: { tls: { insecureSkipVerify: true, ca: "ca.crt" } } },
      /insecureSkipVerify: .*without ca and serverName/,
    ],
  ];
  for (const [change, message] of table) {
    const result = compile(change);
    assert.ok("problems" in result, String(message));
    assert.deepEqual(result.problems.length, 1);
    assert.match(result.problems[0]?.message ?? "", message);
  }
});

test("PROXY headers are taken where somebody is trusted", () => {
  const region = { proxyProtocol: true };
  const clients = { trustedProxies: ["10.0.0.0/8"] };
  assert.equal(good({ region, clients }).regions[0]?.proxyProtocol, true);
});
