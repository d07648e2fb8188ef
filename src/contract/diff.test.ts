import { describe, expect, it } from "vitest";
import { diffContracts } from "./diff-contract.ts";
import { diffPolicySets } from "./diff-policies.ts";
import { diffRunbooks } from "./diff-runbook.ts";
import { parseContract } from "./parse-contract.ts";
import { parseRunbook } from "./parse-runbook.ts";
import type { PolicySet } from "./policy-set.ts";
import { contractText, runbookText } from "./testing/documents.ts";

describe("diffContracts", () => {
  const before = parseContract(contractText);

  it("sees no change where there is none", () => {
    expect(diffContracts(before, parseContract(contractText))).toEqual([]);
  });

  it.each<[string, string, string, string, boolean]>([
    ["a raised effect", "effect: read", "effect: intrusive", "effect", true],
    [
      "a wider scope",
      "actions: [tls.handshake]",
      "actions: [tls.handshake, tls.renegotiate]",
      "scope.actions",
      true,
    ],
    [
      "another endpoint",
      "{ host: inputs.host, port: inputs.port }\n  actions",
      "{ host: inputs.host }\n  actions",
      "scope.endpoints",
      true,
    ],
    [
      "a thing no longer disallowed",
      "[sending application data]",
      "[anything else]",
      "scope.disallowed",
      true,
    ],
    ["a weaker role", "roles: [operator]", "roles: [operator, system]", "authority.roles", true],
    ["a stronger approval", "approval: none", "approval: designated", "authority.approval", false],
    [
      "a new error class",
      "errors:",
      "errors:\n  - { class: NEW, side: external, retryable: false, when: 'false', meaning: m }",
      "errors.NEW",
      false,
    ],
    ["a renamed error class", "class: TLS_HANDSHAKE", "class: TLS_BROKEN", "errors.TLS_HANDSHAKE", true],
    ["a weaker idempotency", "idempotency: safe", "idempotency: idempotent", "execution.idempotency", true],
    [
      "an artifact that is optional now",
      "required: true",
      "required: false",
      "evidence.artifacts.peer-chain",
      true,
    ],
    ["an artifact by another name", "name: peer-chain", "name: chain", "evidence.artifacts.peer-chain", true],
    [
      "a new optional input",
      "port: { type",
      "extra: { type: string }\n    port: { type",
      "inputs.properties.extra",
      false,
    ],
    ["a new required input", "required: [host]", "required: [host, name]", "inputs.required", true],
    ["a changed input", "default: 443", "default: 8443", "inputs.properties.port", true],
    [
      "an output that is not certain",
      "required: [subject, notAfter]",
      "required: [subject]",
      "outputs.required",
      true,
    ],
    ["another adapter", "adapter: tls", "adapter: tcp", "execution.adapter", true],
    ["a longer deadline", "timeout: 10s", "timeout: 20s", "execution.timeout", false],
    ["another attestation", "attests: the chain", "attests: some chain", "attests", true],
    ["another title", "title: Inspect", "title: Look at", "title", false],
  ])("sees %s", (_name, old, now, path, breaking) => {
    expect(contractText).toContain(old);
    const changes = diffContracts(before, parseContract(contractText.replace(old, now)));
    expect(changes).toContainEqual(expect.objectContaining({ path, breaking }));
  });

  it("sees a weaker approval", () => {
    const strict = parseContract(
      contractText.replace("approval: none", "approval: { quorum: 2, roles: [approver] }"),
    );
    const weaker = parseContract(
      contractText.replace("approval: none", "approval: { quorum: 1, roles: [approver] }"),
    );
    expect(diffContracts(strict, weaker)).toEqual([
      expect.objectContaining({
        path: "authority.approval",
        breaking: true,
        change: expect.stringContaining("weaker"),
      }),
    ]);
  });
});

describe("diffRunbooks", () => {
  const before = parseRunbook(runbookText);

  it.each<[string, string, string, string, boolean]>([
    [
      "a wider scope",
      "- host:example.com",
      "- host:example.com\n    - host:example.org",
      "scope.include",
      true,
    ],
    ["a lost exclusion", "exclude: [host:admin.example.com]", "exclude: []", "scope.exclude", true],
    ["another contract", "uses: tls.inspect@1.0.0", "uses: tls.inspect@1.1.0", "steps.first.uses", true],
    [
      "other inputs",
      "{ host: inputs.target }",
      "{ host: inputs.target, port: '1' }",
      "steps.first.with",
      true,
    ],
    [
      "a gate",
      "- id: first",
      "- id: first\n    gates: { approval: self }",
      "steps.first.gates.approval",
      false,
    ],
    ["a lower classification", "classification: internal", "classification: public", "classification", true],
    ["a higher one", "classification: internal", "classification: restricted", "classification", false],
  ])("sees %s", (_name, old, now, path, breaking) => {
    const changes = diffRunbooks(before, parseRunbook(runbookText.replace(old, now)));
    expect(changes).toContainEqual(expect.objectContaining({ path, breaking }));
  });

  it("sees a removed step", () => {
    const shorter = parseRunbook(runbookText.slice(0, runbookText.indexOf("  - id: rest")));
    expect(diffRunbooks(before, shorter).map(({ path }) => path)).toEqual(["steps.rest"]);
  });
});

it("diffPolicySets calls everything breaking but a policy that only forbids", () => {
  const set = (policies: Record<string, string>): PolicySet => ({
    apiVersion: "witnessops/v1",
    kind: "PolicySet",
    language: { name: "cedar", version: "4.5" },
    schema: "",
    policies,
  });
  const before = set({
    a: "permit(principal, action, resource);",
    b: "forbid(principal, action, resource);",
  });
  const after = set({
    a: "permit(principal, action, resource) when { true };",
    c: "forbid (principal, action, resource);",
    d: "permit (principal, action, resource);",
  });
  expect(diffPolicySets(before, before)).toEqual([]);
  expect(diffPolicySets(before, after).map(({ path, breaking }) => [path, breaking])).toEqual([
    ["policies.a", true],
    ["policies.c", false],
    ["policies.d", true],
    ["policies.b", true],
  ]);
});
