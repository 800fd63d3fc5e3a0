import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostLengthMax, refererHost, refererOf } from "./referer.ts";

test("a referer is the host alone, in lower case", () => {
  const label = "a".repeat(63);
  const longest = `${label}.${label}.${label}.${"a".repeat(61)}`;
  assert.equal(longest.length, hostLengthMax);
  const table: readonly [url: string, host: string][] = [
    ["https://example.com", "example.com"],
    ["https://Example.COM/path?q=http://other.example#f", "example.com"],
    ["HTTP://example.com:8080/", "example.com"],
    ["https://example.com:/", "example.com"],
    ["https://example.com./", "example.com"],
    ["https://user:secret@example.com/", "example.com"],
    ["https://other.example@example.com", "example.com"],
    ["https://example.com?@other.example", "example.com"],
    ["https://xn--bcher-kva.example/", "xn--bcher-kva.example"],
    ["http://127.0.0.1:3000/", "127.0.0.1"],
    ["http://[2001:DB8::1]:3000/", "[2001:db8::1]"],
    [`https://${longest}/`, longest],
    [`https://a${longest}/`, ""],
    ["", ""],
    ["null", ""],
    ["about:blank", ""],
    ["example.com", ""],
    ["//example.com", ""],
    ["ftp://example.com", ""],
    ["https://", ""],
    ["https:///path", ""],
    ["https://.", ""],
    ["https://.example.com", ""],
    ["https://exa mple.com", ""],
    ["https://bücher.example", ""],
    ["https://example.com:80x/", ""],
    ["https://example.com:80:90/", ""],
    ["https://[::1", ""],
    ["https://[::1]x", ""],
    ["https://<script>/", ""],
  ];
  for (const [url, host] of table) assert.equal(refererHost(url), host, url);
});

test("the Referer counts, and the Origin only where there is none", () => {
  const table: readonly [headers: readonly string[], host: string][] = [
    [[], ""],
    [["Referer", "https://a.example/x"], "a.example"],
    [["Origin", "https://b.example"], "b.example"],
    [["Origin", "https://b.example", "REFERER", "https://a.example/"], "a.example"],
    [["Origin", "https://b.example", "Referer", "rubbish"], ""],
    [["Host", "c.example", "X-Referer", "https://c.example"], ""],
  ];
  for (const [headers, host] of table) assert.equal(refererOf(headers), host, headers.join(" "));
});

test("any text gives a short host or none, and a host is its own referer", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.string(),
        fc.string().map((s) => `http://${s}`),
      ),
      (url) => {
        const host = refererHost(url);
        assert.ok(host.length <= hostLengthMax);
        if (host !== "") assert.equal(refererHost(`https://${host}/`), host);
      },
    ),
  );
});
