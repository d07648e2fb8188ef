import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import { contractFromJson, parseContract } from "./parse-contract.ts";
import { parseRunbook } from "./parse-runbook.ts";
import { resolveAction, resolveRunbookScope } from "./resolve-action.ts";
import { contractText, runbookText } from "./testing/documents.ts";

const contract = parseContract(contractText);
const withUrl = contractFromJson({
  ...(structuredClone(contract) as unknown as { [key: string]: Json }),
  scope: {
    subjects: [{ kind: "url", from: "inputs.host" }],
    endpoints: [{ url: "inputs.host" }],
    actions: ["a"],
    disallowed: ["b"],
  },
});

describe("resolveAction", () => {
  it("computes subjects and endpoints", () => {
    expect(resolveAction(contract, { host: "example.com", port: 443 })).toEqual({
      ok: true,
      subjects: [{ kind: "host", value: "example.com" }],
      endpoints: [{ host: "example.com", port: 443, protocol: "tcp" }],
    });
  });

  it("takes lists, each target and each endpoint once", () => {
    const result = resolveAction(contract, {
      host: ["a.example", "b.example", "a.example"],
      port: [80, 443],
    });
    expect(result.ok && result.subjects).toHaveLength(2);
    expect(result.ok && result.endpoints).toHaveLength(4);
  });

  it.each([
    ["https://example.com/a", "example.com", 443],
    ["http://example.com:8080", "example.com", 8080],
    ["https://[2001:db8::1]/", "2001:db8::1", 443],
  ])("reads %s", (host, name, port) => {
    const result = resolveAction(withUrl, { host });
    expect(result.ok && result.endpoints).toEqual([{ host: name, port, protocol: "tcp" }]);
  });

  it.each<[string, Json]>([
    ["nothing", ""],
    ["a number", 5],
    ["null", null],
    ["an empty list", []],
    ["a list with something empty", ["example.com", ""]],
    ["a decimal address", "2130706433"],
    ["an octal address", "0177.0.0.1"],
    ["a hexadecimal address", "0x7f.0.0.1"],
    ["a short address", "127.1"],
    ["a name with a space", "exa mple.com"],
    ["a URL", "https://example.com/"],
    ["a path", "example.com/a"],
    ["user information", "user@example.com"],
    ["a wildcard", "*.example.com"],
    ["an empty label", "a..b"],
    ["a very long text", "a".repeat(5000)],
  ])("refuses %s as a host", (_name, host) => {
    expect(resolveAction(contract, { host, port: 443 })).toMatchObject({ ok: false });
  });

  it.each([0, -1, 65_536, 1.5, "443", null])("refuses the port %j", (port) => {
    expect(resolveAction(contract, { host: "example.com", port })).toMatchObject({ ok: false });
  });

  it.each([
    "ftp://example.com/",
    "https://2130706433/",
    "https://user@example.com/",
    "example.com",
    "https:///a",
  ])("refuses the URL %s", (host) => {
    expect(resolveAction(withUrl, { host })).toMatchObject({ ok: false });
  });

  it("lists all faults", () => {
    const result = resolveAction(contract, { host: "", port: 0 });
    expect(result.ok ? [] : result.faults).toHaveLength(3);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (host, port) => {
        for (const one of [contract, withUrl]) {
          expect(typeof resolveAction(one, { host: host as Json, port: port as Json }).ok).toBe("boolean");
        }
      }),
    );
  });
});

describe("resolveRunbookScope", () => {
  const runbook = parseRunbook(runbookText);

  it("computes patterns from inputs", () => {
    expect(resolveRunbookScope(runbook, { target: "www.example.com" })).toEqual({
      ok: true,
      include: ["host:example.com", "host:www.example.com"],
      exclude: ["host:admin.example.com"],
    });
  });

  it.each(["*", "*.example.com", "", "127.1"])("does not let the input `%s` widen it", (target) => {
    expect(resolveRunbookScope(runbook, { target })).toMatchObject({ ok: false });
  });
});
