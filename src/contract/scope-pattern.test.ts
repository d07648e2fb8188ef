import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdsBlock, parseAddress, parseCidr } from "./scope-address.ts";
import { parseHost } from "./scope-host.ts";
import { parseScopePattern } from "./scope-pattern.ts";
import { parseScopeUrl } from "./scope-url.ts";

describe("parseAddress", () => {
  it.each([
    ["192.0.2.1", 4, 0xc0000201n],
    ["255.255.255.255", 4, 0xffffffffn],
    ["::ffff:192.0.2.1", 4, 0xc0000201n],
    ["::FFFF:c000:201", 4, 0xc0000201n],
    ["0:0:0:0:0:ffff:c000:0201", 4, 0xc0000201n],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["2001:db8::1", 6, 0x20010db8000000000000000000000001n],
    ["2001:DB8:0:0:0:0:0:1", 6, 0x20010db8000000000000000000000001n],
    ["1::", 6, 1n << 112n],
    ["1:2:3:4:5:6:7:8", 6, 0x00010002000300040005000600070008n],
  ])("reads %s", (text, family, network) => {
    expect(parseAddress(text)).toEqual({ family, network, bits: family === 4 ? 32 : 128 });
  });

  it.each([
    "",
    "1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "192.0.2.01",
    "192.0.2.256",
    "192.0.2.1.",
    "192.0.2.1 ",
    " 192.0.2.1",
    "192.0.2.-1",
    "1.2.3.4.5",
    "１９２.0.2.1",
    ":",
    ":::",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "::ffff:192.0.2.01",
    "::ffff:192.0.2.256",
    "[::1]",
    "12345::",
    "g::",
    "::1/128",
    "1::2:3:4:5:6:7::",
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe("parseCidr", () => {
  it.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "9.255.255.255", false],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["192.0.2.128/25", "192.0.2.128", true],
    ["192.0.2.1/32", "192.0.2.1", true],
    ["192.0.2.1/32", "192.0.2.2", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "192.0.2.1", false],
    ["::/0", "2001:db8::1", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
  ])("%s and %s: %s", (cidr, address, held) => {
    const block = parseCidr(cidr);
    const one = parseAddress(address);
    expect(block !== undefined && one !== undefined && holdsBlock(block, one)).toBe(held);
  });

  it.each([
    "10.0.0.1/8",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "10.0.0.0",
    "10/8",
    "::/129",
    "::ffff:0:0/95",
    "10.0.0.0/8/8",
    "*/8",
  ])("refuses %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it("holds exactly the addresses whose first bits agree", () => {
    const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.nat(255)));
    fc.assert(
      fc.property(octets, octets, fc.nat(32), (a, b, bits) => {
        const number = (parts: number[]) => parts.reduce((sum, part) => sum * 256 + part, 0);
        const size = 2 ** (32 - bits);
        const start = Math.floor(number(a) / size) * size;
        const dotted = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".");
        const block = parseCidr(`${dotted}/${bits}`);
        const address = parseAddress(b.join("."));
        const inside = number(b) >= start && number(b) < start + size;
        expect(block !== undefined && address !== undefined && holdsBlock(block, address)).toBe(inside);
      }),
    );
  });
});

describe("parseHost", () => {
  it.each([
    ["Example.COM.", "example.com"],
    ["münchen.example", "xn--mnchen-3ya.example"],
    ["MÜNCHEN.example", "xn--mnchen-3ya.example"],
    ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example"],
    ["ｅｘａｍｐｌｅ.com", "example.com"],
    ["example。com", "example.com"],
    ["_dmarc.example.com", "_dmarc.example.com"],
    ["localhost", "localhost"],
    ["1.example", "1.example"],
  ])("%s is %s", (text, name) => {
    expect(parseHost(text)).toEqual({ name });
  });

  it("keeps a confusable name apart", () => {
    expect(parseHost("exаmple.com")).toEqual({ name: "xn--exmple-4nf.com" });
  });

  it("reads a literal address as an address, in brackets or not", () => {
    expect(parseHost("[::ffff:192.0.2.1]")).toEqual(parseHost("192.0.2.1"));
    expect(parseHost("::1")).toEqual(parseHost("[::1]"));
  });

  it.each([
    "",
    ".",
    "..",
    "example..com",
    ".example.com",
    "example.com..",
    "-a.example",
    "a-.example",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}aa`,
    "a b",
    "a\tb",
    "a\nb",
    "a\u0000b",
    "a%2ecom",
    "a/b",
    "a\\b",
    "a:80",
    "a@b",
    "a?b",
    "a#b",
    "*",
    "*.example.com",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "1.2.3.4.",
    "１２７.0.0.1",
    "example.1",
    "example.0x1",
    "[::1",
    "::1]",
    "[192.0.2.1",
    "[example.com]",
    "\ud800.com",
    "ex<ample.com",
    "a|b",
  ])("refuses %j", (text) => {
    expect(parseHost(text)).toBeUndefined();
  });

  it("is stable: reading its own result changes nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string({ unit: "grapheme" })), (text) => {
        const host = parseHost(text);
        if (host !== undefined && "name" in host) expect(parseHost(host.name)).toEqual(host);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseScopeUrl", () => {
  it.each([
    "",
    "example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http:example.com",
    "https:/example.com/",
    "https:///example.com/",
    "https://",
    "https:///",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://good.example\\@evil.example/",
    "https://good.example\\.evil.example/",
    "https://example.com/a b",
    "https://example.com/\n",
    " https://example.com/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com/\u0000",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://ex%61mple.com/",
    "https://example.com/%2525252525252e",
    "https://*.example.com/",
  ])("refuses %j", (text) => {
    expect(parseScopeUrl(text)).toBeUndefined();
  });

  it("fills in the port of the scheme", () => {
    expect(parseScopeUrl("HTTPS://Example.com.")).toMatchObject({
      scheme: "https",
      host: { name: "example.com" },
      port: 443,
      segments: [""],
    });
    expect(parseScopeUrl("http://[::ffff:192.0.2.1]:8080/x")).toMatchObject({
      port: 8080,
      host: parseHost("192.0.2.1"),
    });
  });
});

describe("parseScopePattern", () => {
  it.each([
    "host:example.com",
    "host:*.example.com",
    "host:*",
    "host:192.0.2.1",
    "address:192.0.2.1",
    "address:2001:db8::1",
    "cidr:10.0.0.0/8",
    "cidr:2001:db8::/32",
    "url:https://example.com/api/",
    "endpoint:example.com:443",
    "endpoint:*.example.com:443",
    "endpoint:[2001:db8::1]:443",
    "email-domain:example.com",
    "email-domain:*.example.com",
    "account:12345",
    "repository:acme/*",
    "tenant:*",
    "user:alice@example.com",
    "file:samples/*",
    "file:./a.eml",
  ])("reads %s", (text) => {
    expect(parseScopePattern(text)).toMatchObject({ ok: true });
  });

  it.each([
    "",
    ":",
    "host",
    "host:",
    "HOST:example.com",
    " host:example.com",
    "host: example.com",
    "host:*.",
    "host:**",
    "host:*example.com",
    "host:a.*.example.com",
    "host:*.192.0.2.1",
    "host:example.com:443",
    "host:0177.0.0.1",
    "address:example.com",
    "address:10.0.0.0/8",
    "address:*",
    "cidr:10.0.0.1/8",
    "cidr:10.0.0.0",
    "url:https://example.com/?a=b",
    "url:https://example.com/#a",
    "url:https://u@example.com/",
    "url:example.com",
    "endpoint:example.com",
    "endpoint:example.com:0",
    "endpoint:example.com:65536",
    "endpoint:example.com:0443",
    "endpoint:2001:db8::1:443",
    "email-domain:192.0.2.1",
    "email-domain:alice@example.com",
    "account:acme-*",
    "account:*/x",
    "account:a\u0000b",
    "account: a",
    "repository:acme/../other",
    "repository:acme/%2e%2e/other",
    "file:../x",
    "file:/etc/passwd",
    "file:a\\b",
    "file:C:/x",
    "file:./",
    `account:${"a".repeat(2200)}`,
  ])("refuses %j in plain words", (text) => {
    const result = parseScopePattern(text);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.message).toMatch(/^[`a-zA-Z].*[^.]$/);
  });

  it("never throws", () => {
    const kind = fc.constantFrom(
      "host",
      "address",
      "cidr",
      "url",
      "endpoint",
      "email-domain",
      "file",
      "user",
      "",
    );
    fc.assert(
      fc.property(kind, fc.string({ unit: "binary" }), (name, value) => {
        expect(typeof parseScopePattern(`${name}:${value}`).ok).toBe("boolean");
      }),
      { numRuns: 2000 },
    );
  });
});
