import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import { ContractError } from "./contract-error.ts";
import type { Fault } from "./fault.ts";
import { catalogLockFromJson, parseCatalogLock } from "./parse-catalog-lock.ts";
import { engagementFromJson, parseEngagement } from "./parse-engagement.ts";
import { policySetFromJson } from "./parse-policy-set.ts";
import { parsePrincipal, principalFromJson, principalSetFromJson } from "./parse-principal.ts";
import { parseTrust, trustFromJson } from "./parse-trust.ts";
import { engagementText, keyA, keyB, principalText } from "./testing/documents.ts";

function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ContractError) return error.faults;
    throw error;
  }
  throw new Error("it was accepted");
}

const lock = {
  apiVersion: "witnessops/v1",
  kind: "CatalogLock",
  contracts: { "tls.inspect@1.0.0": `sha256:${"a".repeat(64)}` },
};
const trust = {
  apiVersion: "witnessops/v1",
  kind: "Trust",
  issuerRoots: [{ name: "acme", publicKey: keyA }],
  principals: [
    { id: "olga", type: "human", roles: ["owner"], keys: [{ publicKey: keyA, custody: "held" }] },
    { id: "otto", type: "human", roles: ["operator"], keys: [{ publicKey: keyB, custody: "held" }] },
  ],
};

describe("parseEngagement", () => {
  it("reads one", () => {
    expect(parseEngagement(engagementText).scope.include).toHaveLength(2);
  });

  it.each<[string, string, string, string, string]>([
    ["a window that ends before it starts", "2026-12-31", "2025-12-31", "window.notAfter", "value"],
    ["a date that does not exist", "2026-12-31", "2026-02-30", "window.notAfter", "value"],
    ["a local time", "2026-12-31T00:00:00Z", "2026-12-31T00:00:00", "window.notAfter", "value"],
    ["a lab without its terms", "environment: production", "environment: lab", "lab", "required"],
    ["a principal twice", "id: otto", "id: olga", "principals[1].id", "duplicate"],
    ["a role that is not one", "[operator]", "[boss]", "principals[1].roles[0]", "value"],
    ["host bits in a CIDR", "192.0.2.0/24", "192.0.2.1/24", "scope.include[1]", "scope-pattern"],
    ["an octal address", "cidr:192.0.2.0/24", "address:0177.0.0.1", "scope.include[1]", "scope-pattern"],
    ["a pattern without a kind", "host:mail.example.com", "mail.example.com", "scope.exclude[0]", "value"],
    ["an empty pattern", "host:mail.example.com", "host:", "scope.exclude[0]", "value"],
    [
      "a bad target",
      'targets: ["host:*.example.com"]',
      'targets: ["host:a..b"]',
      "authorizations[0].targets[0]",
      "scope-pattern",
    ],
    [
      "a letter without its digest",
      "kind: owner-record",
      "kind: letter",
      "authorizations[0].letterDigest",
      "required",
    ],
  ])("reports %s", (_name, old, now, path, code) => {
    expect(engagementText).toContain(old);
    const faults = faultsOf(() => parseEngagement(engagementText.replace(old, now)));
    expect(faults).toContainEqual(expect.objectContaining({ path, code }));
  });

  it("reports lab terms of a production engagement", () => {
    const terms = "lab: { approver: olga, reason: r, boundary: b, stopCondition: s, dataHandling: d }\n";
    expect(faultsOf(() => parseEngagement(engagementText + terms))).toEqual([
      expect.objectContaining({ path: "lab", code: "value" }),
    ]);
  });
});

describe("parsePrincipal", () => {
  it("reads one", () => {
    expect(parsePrincipal(principalText).keys).toHaveLength(1);
  });

  it.each<[string, string, string, string, string]>([
    ["a key that is not one", keyA, "A".repeat(60), "keys[0].publicKey", "value"],
    ["an agent that approves", "type: human", "type: agent", "roles[0]", "value"],
    ["an address without a host", "olga@example.com", "olga", "email", "value"],
    ["a capital in the id", "id: olga", "id: Olga", "id", "value"],
  ])("reports %s", (_name, old, now, path, code) => {
    const faults = faultsOf(() => parsePrincipal(principalText.replace(old, now)));
    expect(faults).toContainEqual(expect.objectContaining({ path, code }));
  });
});

describe("principalSetFromJson", () => {
  const olga = parsePrincipal(principalText) as unknown as { readonly [key: string]: Json };
  const otto = { ...olga, id: "otto", keys: [{ publicKey: keyB, custody: "held" }] };
  const set = (...principals: Json[]): Json => ({
    apiVersion: "witnessops/v1",
    kind: "PrincipalSet",
    principals,
  });

  it("reads one", () => {
    expect(principalSetFromJson(set(olga, otto)).principals).toHaveLength(2);
  });

  it.each<[string, Json, string]>([
    ["the wrong order", set(otto, olga), "principals[1].id"],
    ["an id twice", set(olga, olga), "principals[1].id"],
    ["one key for two", set(olga, { ...otto, keys: olga.keys ?? [] }), "principals[1].keys[0].publicKey"],
  ])("reports %s", (_name, value, path) => {
    expect(faultsOf(() => principalSetFromJson(value)).map((fault) => fault.path)).toContain(path);
  });
});

describe("parseTrust", () => {
  it("reads JSON", () => {
    expect(parseTrust(JSON.stringify(trust, null, 2)).principals).toHaveLength(2);
  });

  it("reports one key for two principals, and where", () => {
    const text = JSON.stringify(trust, null, 2).replace(keyB, keyA);
    expect(faultsOf(() => parseTrust(text))).toEqual([
      expect.objectContaining({ path: "principals[1].keys[0].publicKey", code: "duplicate", line: 32 }),
    ]);
  });

  it("reports a wrong key, an unknown member and a missing one at once", () => {
    const { kind: _, ...rest } = trust;
    const bad = { ...rest, more: 1, issuerRoots: [{ name: "acme", publicKey: "A".repeat(60) }] };
    expect(
      faultsOf(() => trustFromJson(bad))
        .map(({ path }) => path)
        .sort(),
    ).toEqual(["issuerRoots[0].publicKey", "kind", "more"]);
  });
});

describe("parseCatalogLock", () => {
  it("reads JSON and YAML alike", () => {
    expect(parseCatalogLock(JSON.stringify(lock))).toEqual(lock);
    expect(catalogLockFromJson(lock)).toEqual(lock);
  });

  it("reports keys and digests that are none", () => {
    const bad = { ...lock, contracts: { "tls.inspect": `sha256:${"a".repeat(64)}`, "a@1.0.0": "sha256:0" } };
    expect(
      faultsOf(() => catalogLockFromJson(bad))
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['contracts["a@1.0.0"]', 'contracts["tls.inspect"]']);
  });
});

it("policySetFromJson refuses ids that are none", () => {
  const set = {
    apiVersion: "witnessops/v1",
    kind: "PolicySet",
    language: { name: "cedar", version: "4" },
    schema: "",
    policies: { "A b": "" },
  };
  expect(faultsOf(() => policySetFromJson(set)).map(({ code }) => code)).toEqual(["unknown-field"]);
});

it("nothing but ContractError is thrown for any JSON", () => {
  const readers = [
    engagementFromJson,
    principalFromJson,
    principalSetFromJson,
    trustFromJson,
    catalogLockFromJson,
    policySetFromJson,
  ];
  const bases = [parseEngagement(engagementText), parsePrincipal(principalText), trust, lock] as unknown as {
    [key: string]: Json;
  }[];
  const mutated = fc
    .tuple(fc.constantFrom(...bases), fc.string(), fc.jsonValue({ maxDepth: 3 }), fc.nat(20))
    .map(([base, name, value, n]) => ({ ...base, [Object.keys(base)[n] ?? name]: value as Json }));
  fc.assert(
    fc.property(fc.constantFrom(...readers), fc.oneof(fc.jsonValue(), mutated), (reader, value) => {
      try {
        reader(value as Json);
      } catch (error) {
        expect(error).toBeInstanceOf(ContractError);
      }
    }),
    { numRuns: 500 },
  );
});
