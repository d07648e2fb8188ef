import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readScopeLines } from "./scope-lines.ts";

describe("scope lines", () => {
  it("recognises targets as people write them", () => {
    const text = `# ours
example.com
*.example.com   # every name below
192.0.2.1
2001:db8::1
10.0.0.0/8
https://example.com/api/
example.com:8443
@example.com
repository:acme/*
!admin.example.com
! 10.1.0.0/16
`;
    expect(readScopeLines(text)).toEqual({
      include: [
        "host:example.com",
        "host:*.example.com",
        "address:192.0.2.1",
        "address:2001:db8::1",
        "cidr:10.0.0.0/8",
        "url:https://example.com/api/",
        "endpoint:example.com:8443",
        "email-domain:example.com",
        "repository:acme/*",
      ],
      exclude: ["host:admin.example.com", "cidr:10.1.0.0/16"],
      faults: [],
    });
  });

  it("lists every bad line with its number", () => {
    const { faults } = readScopeLines("example.com\n0x7f.1\n\n!\n010.0.0.1\n10.0.0.1/8\n");
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(["line 2", "line 4", "line 5", "line 6"]);
  });

  it("accounts for every line, whatever the text", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (lines) => {
        const { include, exclude, faults } = readScopeLines(lines.join("\n"));
        const told = lines.join("\n").split(/\r?\n/).length;
        expect(include.length + exclude.length + faults.length).toBeLessThanOrEqual(told);
      }),
    );
  });
});
