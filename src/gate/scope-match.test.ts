import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseScopePattern, type ScopePattern } from "../contract/scope-pattern.ts";
import { covers, touches } from "./scope-match.ts";
import { parseActionEndpoint, parseSubject, type ScopeSubject } from "./scope-subject.ts";

function patternOf(text: string): ScopePattern {
  const result = parseScopePattern(text);
  if (!result.ok) throw new Error(`\`${text}\`: ${result.message}`);
  return result.pattern;
}

function subjectOf(text: string): ScopeSubject | undefined {
  const colon = text.indexOf(":");
  return parseSubject({ kind: text.slice(0, colon), value: text.slice(colon + 1) });
}

function included(pattern: string, subject: string): boolean {
  const parsed = subjectOf(subject);
  return parsed !== undefined && covers(patternOf(pattern), parsed);
}

/** A subject that cannot be read is refused by the gate, so it is as good as excluded. */
function excluded(pattern: string, subject: string): boolean {
  const parsed = subjectOf(subject);
  return parsed === undefined || touches(patternOf(pattern), parsed);
}

describe("covers", () => {
  it.each([
    ["host:example.com", "host:example.com"],
    ["host:example.com", "host:EXAMPLE.com."],
    ["host:münchen.example", "host:xn--mnchen-3ya.example"],
    ["host:*.example.com", "host:a.b.example.com"],
    ["host:*", "host:anything.example"],
    ["host:example.com", "url:https://example.com:8443/x?y#z"],
    ["host:example.com", "endpoint:example.com:22"],
    ["host:192.0.2.1", "address:192.0.2.1"],
    ["host:192.0.2.1", "host:::ffff:192.0.2.1"],
    ["address:192.0.2.1", "address:::ffff:c000:201"],
    ["address:192.0.2.1", "url:http://192.0.2.1/"],
    ["cidr:192.0.2.0/24", "host:192.0.2.255"],
    ["cidr:192.0.2.0/24", "endpoint:192.0.2.7:80"],
    ["cidr:192.0.2.0/24", "cidr:192.0.2.128/25"],
    ["cidr:2001:db8::/32", "url:https://[2001:db8::1]/"],
    ["url:https://example.com/", "url:https://example.com"],
    ["url:https://example.com/api/", "url:https://example.com/api"],
    ["url:https://example.com/api/", "url:HTTPS://EXAMPLE.com.:443/api/v1?x"],
    ["url:https://example.com/api", "url:https://example.com/%61pi/v1"],
    ["url:https://example.com/api", "url:https://example.com/x/../api/v1"],
    ["url:https://example.com/api", "url:https://example.com/x/%2E%2e/api"],
    ["endpoint:example.com:443", "endpoint:example.com:443"],
    ["endpoint:example.com:443", "url:https://example.com/x"],
    ["endpoint:*.example.com:443", "endpoint:www.example.com:443"],
    ["email-domain:example.com", "email-domain:Example.COM"],
    ["email-domain:*.example.com", "email-domain:mail.example.com"],
    ["account:12345", "account:12345"],
    ["repository:acme/*", "repository:acme/site"],
    ["tenant:*", "tenant:one"],
    ["file:samples/*", "file:samples/./a.eml"],
    ["file:samples/*", "file:./samples//b/a.eml"],
    ["file:cafe\u0301", "file:caf\u00e9"],
  ])("%s covers %s", (pattern, subject) => {
    expect(included(pattern, subject)).toBe(true);
  });

  it.each([
    ["host:*.example.com", "host:example.com"],
    ["host:*.example.com", "host:notexample.com"],
    ["host:example.com", "host:example.com.evil.example"],
    ["host:example.com", "host:exаmple.com"],
    ["host:example.com", "host:example.co"],
    ["host:example.com", "host:www.example.com"],
    ["host:example.com", "host:example.com@evil.example"],
    ["host:example.com", "host:example.com%00.evil.example"],
    ["host:*", "host:192.0.2.1"],
    ["host:*", "address:192.0.2.1"],
    ["host:*", "cidr:192.0.2.0/24"],
    ["host:example.com", "email-domain:example.com"],
    ["email-domain:example.com", "host:example.com"],
    ["host:example.com", "url:https://example.com@evil.example/"],
    ["host:example.com", "url:https://evil.example\\@example.com/"],
    ["host:example.com", "url:https://evil.example#@example.com/"],
    ["host:example.com", "url:https://evil.example/?@example.com/"],
    ["host:example.com", "url:https://example.com.evil.example/"],
    ["cidr:127.0.0.0/8", "host:2130706433"],
    ["cidr:127.0.0.0/8", "host:0177.0.0.1"],
    ["cidr:127.0.0.0/8", "url:http://0x7f.1/"],
    ["cidr:192.0.2.0/25", "address:192.0.2.128"],
    ["cidr:192.0.2.128/25", "cidr:192.0.2.0/24"],
    ["cidr:0.0.0.0/0", "address:2001:db8::1"],
    ["cidr:::/0", "address:192.0.2.1"],
    ["address:192.0.2.1", "host:example.com"],
    ["url:https://example.com/api", "url:https://example.com/apix"],
    ["url:https://example.com/api", "url:https://example.com/API"],
    ["url:https://example.com/api", "url:http://example.com/api"],
    ["url:https://example.com/api", "url:https://example.com:8443/api"],
    ["url:https://example.com/api", "url:https://www.example.com/api"],
    ["url:https://example.com/api", "url:https://example.com/api/../admin"],
    ["url:https://example.com/api", "url:https://example.com/api/%2e%2e/admin"],
    ["url:https://example.com/api", "url:https://example.com/api/..%2fadmin"],
    ["url:https://example.com/api", "url:https://example.com/api/%2e%2e%2fadmin"],
    ["url:https://example.com/api", "url:https://example.com/api/%252e%252e/admin"],
    ["url:https://example.com/api", "url:https://example.com/api/..%5cadmin"],
    ["url:https://example.com/api", "url:https://example.com/api/..;/admin"],
    ["url:https://example.com/api", "host:example.com"],
    ["endpoint:example.com:443", "host:example.com"],
    ["endpoint:example.com:443", "endpoint:example.com:444"],
    ["endpoint:example.com:443", "url:http://example.com/"],
    ["account:12345", "account:123456"],
    ["account:acme", "user:acme"],
    ["account:acme", "account:ACME"],
    ["repository:acme/*", "repository:acme"],
    ["repository:acme/*", "repository:acme-evil/site"],
    ["repository:acme/*", "repository:acme/../evil/site"],
    ["repository:acme/*", "repository:acme/%2e%2e/evil/site"],
    ["repository:acme/*", "repository:acme/*"],
    ["file:samples/*", "file:samples/../secret"],
    ["file:samples/*", "file:samples\\..\\secret"],
    ["file:samples/*", "file:/samples/a"],
    ["file:samples/*", "file:samplesx/a"],
  ])("%s does not cover %s", (pattern, subject) => {
    expect(included(pattern, subject)).toBe(false);
  });
});

describe("touches", () => {
  it.each([
    ["host:admin.example.com", "host:ADMIN.example.com."],
    ["host:admin.example.com", "host:ａｄｍｉｎ.example.com"],
    ["host:admin.example.com", "host:ad\u00admin.example.com"],
    ["host:admin.example.com", "url:https://Admin.Example.com.:8443/"],
    ["host:admin.example.com", "url:https://user@admin.example.com/"],
    ["host:*", "host:any.example"],
    ["host:10.0.0.5", "cidr:10.0.0.0/24"],
    ["address:10.0.0.5", "cidr:10.0.0.0/24"],
    ["address:10.0.0.5", "host:::ffff:a00:5"],
    ["address:10.0.0.5", "host:167772165"],
    ["address:10.0.0.5", "url:http://012.0.0.5/"],
    ["cidr:10.0.0.0/24", "cidr:10.0.0.128/25"],
    ["cidr:10.0.0.128/25", "cidr:10.0.0.0/24"],
    ["url:https://example.com/admin", "url:https://example.com/Admin/x"],
    ["url:https://example.com/admin", "url:https://example.com/%61dmin"],
    ["url:https://example.com/admin", "url:https://example.com/%2561dmin"],
    ["url:https://example.com/admin", "url:https://example.com//admin"],
    ["url:https://example.com/admin", "url:https://example.com/x/..%2fadmin"],
    ["url:https://example.com/admin", "url:https://example.com/x%5c..%5cadmin"],
    ["url:https://example.com/admin", "url:https://example.com/admin;v=1/x"],
    ["url:https://example.com/admin", "url:https://example.com/./admin/"],
    ["url:https://example.com/", "endpoint:example.com:443"],
    ["endpoint:example.com:22", "endpoint:EXAMPLE.com.:22"],
    ["repository:acme/secret", "repository:Acme/Secret"],
    ["repository:acme/*", "repository:ACME/x"],
    ["file:samples/secret", "file:./samples//SECRET"],
  ])("%s touches %s", (pattern, subject) => {
    expect(excluded(pattern, subject)).toBe(true);
  });

  it.each([
    ["host:admin.example.com", "host:www.example.com"],
    ["url:https://example.com/admin", "url:https://example.com/administration"],
    ["url:https://example.com/admin", "url:https://example.com/"],
    ["url:https://example.com/admin", "endpoint:example.com:443"],
    ["url:https://example.com/", "endpoint:example.com:22"],
    ["endpoint:example.com:22", "endpoint:example.com:443"],
    ["endpoint:example.com:22", "host:example.com"],
    ["cidr:10.0.0.0/25", "cidr:10.0.0.128/25"],
    ["email-domain:example.com", "host:example.com"],
    ["repository:acme/secret", "repository:acme/secrets"],
  ])("%s does not touch %s", (pattern, subject) => {
    expect(excluded(pattern, subject)).toBe(false);
  });

  it("reads an endpoint without a port as any port", () => {
    const any = parseActionEndpoint({ host: "example.com", protocol: "tcp" });
    expect(any !== undefined && touches(patternOf("endpoint:example.com:22"), any)).toBe(true);
    expect(any !== undefined && touches(patternOf("url:https://example.com/"), any)).toBe(true);
    expect(any !== undefined && covers(patternOf("endpoint:example.com:22"), any)).toBe(false);
  });
});

describe("properties", () => {
  const values = fc.oneof(
    fc.tuple(fc.constantFrom("host", "email-domain"), fc.domain()),
    fc.tuple(
      fc.constant("url"),
      fc.webUrl({ validSchemes: ["http", "https"], withQueryParameters: false, withFragments: false }),
    ),
    fc.tuple(fc.constant("address"), fc.oneof(fc.ipV4(), fc.ipV6())),
    fc.tuple(fc.constantFrom("account", "file", "repository"), fc.string({ unit: "grapheme" })),
  );

  it("whatever a pattern covers, the same pattern excludes", () => {
    fc.assert(
      fc.property(values, values, ([kind, value], [otherKind, otherValue]) => {
        const pattern = parseScopePattern(`${kind}:${value}`);
        for (const subject of [
          parseSubject({ kind, value }),
          parseSubject({ kind: otherKind, value: otherValue }),
        ]) {
          if (!pattern.ok || subject === undefined) continue;
          if (covers(pattern.pattern, subject)) expect(touches(pattern.pattern, subject)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("an exact target covers itself", () => {
    fc.assert(
      fc.property(values, ([kind, value]) => {
        const subject = parseSubject({ kind, value });
        const pattern = parseScopePattern(`${kind}:${value}`);
        if (subject === undefined || !pattern.ok) return;
        expect(covers(pattern.pattern, subject)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("case, a trailing dot and percent-encoded letters change nothing", () => {
    const spell = (text: string, flips: readonly boolean[]) =>
      [...text].map((char, i) => (flips[i % flips.length] === true ? char.toUpperCase() : char)).join("");
    const encode = (text: string, flips: readonly boolean[]) =>
      [...text]
        .map((char, i) =>
          flips[i % flips.length] === true && /[a-z]/.test(char)
            ? `%${char.charCodeAt(0).toString(16)}`
            : char,
        )
        .join("");
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (flips) => {
        const url = `url:https://${spell("www.example.com", flips)}./${encode("api/users", flips)}`;
        expect(included("url:https://www.example.com/api", url)).toBe(true);
        expect(excluded("url:https://www.example.com/api/users", url)).toBe(true);
      }),
    );
  });
});
