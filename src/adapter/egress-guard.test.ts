import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseScopePattern, type ScopePattern } from "../contract/scope-pattern.ts";
import { decideAddresses } from "./egress-guard.ts";

function patterns(...texts: string[]): ScopePattern[] {
  return texts.map((text) => {
    const result = parseScopePattern(text);
    if (!result.ok) throw new Error(result.message);
    return result.pattern;
  });
}

function reasonFor(address: string, include: string[] = ["host:*"], exclude: string[] = []): string {
  const decision = decideAddresses({
    addresses: [address],
    include: patterns(...include),
    exclude: patterns(...exclude),
  });
  return decision.ok ? "ok" : decision.reason;
}

describe("decideAddresses", () => {
  it.each([
    ["93.184.215.14", "ok"],
    ["2606:2800:21f:cb07::1", "ok"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["172.32.0.0", "ok"],
    ["192.168.1.1", "private"],
    ["fd12::1", "private"],
    ["169.254.1.1", "link-local"],
    ["fe80::1", "link-local"],
    ["169.254.169.254", "metadata"],
    ["fd00:ec2::254", "metadata"],
    ["100.100.100.200", "metadata"],
    ["168.63.129.16", "metadata"],
    ["100.64.0.1", "carrier-grade-nat"],
    ["224.0.0.1", "multicast"],
    ["ff02::1", "multicast"],
    ["0.0.0.0", "unspecified"],
    ["::", "unspecified"],
    ["255.255.255.255", "broadcast"],
    ["240.0.0.1", "reserved"],
    ["192.0.2.1", "reserved"],
    ["2001:db8::1", "reserved"],
    ["64:ff9b::7f00:1", "reserved"],
    ["2002:7f00:1::", "reserved"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:a9fe:a9fe", "metadata"],
    ["::ffff:93.184.215.14", "ok"],
    // IPv4-compatible, as resolvers print it: some libraries read it as IPv4.
    ["::127.0.0.1", "reserved"],
    ["::7f00:1", "reserved"],
    ["4000::1", "reserved"],
    ["fe80::1%eth0", "address-malformed"],
    ["0177.0.0.1", "address-malformed"],
    ["2130706433", "address-malformed"],
    ["", "address-malformed"],
  ])("%s is %s for a name in scope", (address, reason) => {
    expect(reasonFor(address)).toBe(reason);
  });

  it("lets a pattern that names a special range open it", () => {
    expect(reasonFor("127.0.0.1", ["address:127.0.0.1"])).toBe("ok");
    expect(reasonFor("10.1.2.3", ["cidr:10.1.0.0/16"])).toBe("ok");
    expect(reasonFor("10.2.0.1", ["cidr:10.1.0.0/16"])).toBe("private");
    expect(reasonFor("::ffff:10.1.2.3", ["cidr:10.1.0.0/16"])).toBe("ok");
    expect(reasonFor("169.254.169.254", ["cidr:169.254.0.0/16"])).toBe("ok");
    expect(reasonFor("fd00:ec2::254", ["address:fd00:ec2::254"])).toBe("ok");
  });

  it("does not take a CIDR that spans a special range for naming it", () => {
    expect(reasonFor("127.0.0.1", ["cidr:0.0.0.0/0"])).toBe("loopback");
    expect(reasonFor("10.0.0.1", ["cidr:8.0.0.0/6"])).toBe("private");
    expect(reasonFor("::1", ["cidr:::/0"])).toBe("loopback");
  });

  it("lets exclusions win, also over what names the address", () => {
    expect(reasonFor("93.184.215.14", ["host:*"], ["cidr:93.184.0.0/16"])).toBe("excluded");
    expect(reasonFor("10.0.0.1", ["cidr:10.0.0.0/8"], ["address:10.0.0.1"])).toBe("excluded");
    expect(reasonFor("::ffff:93.184.215.14", ["host:*"], ["address:93.184.215.14"])).toBe("excluded");
  });

  it("refuses all for one forbidden address", () => {
    const decision = decideAddresses({
      addresses: ["93.184.215.14", "169.254.169.254"],
      include: patterns("host:*"),
      exclude: [],
    });
    expect(decision).toEqual({ ok: false, reason: "metadata", address: "169.254.169.254" });
  });

  it("refuses when there is no address", () => {
    expect(decideAddresses({ addresses: [], include: [], exclude: [] })).toEqual({
      ok: false,
      reason: "no-address",
    });
  });

  it("gives IPv4 first, in normal form, once each", () => {
    const decision = decideAddresses({
      addresses: ["2606:2800:021f:cb07:0:0:0:1", "93.184.215.14", "::ffff:93.184.215.14"],
      include: [],
      exclude: [],
    });
    expect(decision).toEqual({ ok: true, addresses: ["93.184.215.14", "2606:2800:21f:cb07::1"] });
  });

  it("decides a mapped address as its IPv4 address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(reasonFor(`::ffff:${address}`)).toBe(reasonFor(address));
      }),
    );
  });

  it("never lets a special IPv4 range through a name", () => {
    const inside = fc.tuple(
      fc.constantFrom("10", "127", "0", "224", "240"),
      fc.nat(255),
      fc.nat(255),
      fc.nat(255),
    );
    fc.assert(
      fc.property(inside, (parts) => {
        expect(reasonFor(parts.join("."))).not.toBe("ok");
      }),
    );
  });
});
