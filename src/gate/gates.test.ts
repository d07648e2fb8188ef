import { describe, expect, it } from "vitest";
import { type Changes, denyAll, gateFacts, principal } from "../../test/gate-facts.ts";
import { digestOf } from "../format/digest.ts";
import { catalogGate, reasons as catalogReasons } from "./catalog-gate.ts";
import type { Gate } from "./decide-gates.ts";
import { environmentGate, reasons as environmentReasons } from "./environment-gate.ts";
import { identityGate, reasons as identityReasons } from "./identity-gate.ts";
import { policyGate, reasons as policyReasons } from "./policy-gate.ts";
import { scopeGate, reasons as scopeReasons } from "./scope-gate.ts";
import { targetAuthorizationGate, reasons as targetReasons } from "./target-authorization-gate.ts";

const isolatedContract = {
  execution: {
    adapter: "exec",
    with: {},
    outputs: {},
    timeout: "10s",
    idempotency: "safe" as const,
    isolation: "required" as const,
  },
};
const secretContract = {
  evidence: {
    artifacts: [{ name: "key", mediaType: "text/plain", required: true, sensitivity: "secret" as const }],
    maxBytes: "1MB",
  },
};
const heldAdapter = {
  id: "exec",
  version: "1.1.0",
  isolation: { network: "namespace" as const, files: "mounts" as const, tool: "bubblewrap 0.8.0" },
  egress: "kernel-held" as const,
};

interface Table {
  readonly gate: string;
  readonly decide: Gate;
  readonly reasons: readonly string[];
  readonly denies: readonly (readonly [reason: string, when: string, facts: Changes])[];
  readonly allows: readonly (readonly [when: string, facts: Changes])[];
}

const lab = { approver: "olga", reason: "r", boundary: "b", stopCondition: "s", dataHandling: "d" };
const inLab = { environment: "lab", lab } as const;
const pinned = { id: "tls.inspect", version: "1.0.0", digest: digestOf("another") };
const noLock = { apiVersion: "witnessops/v1", kind: "CatalogLock", contracts: {} } as const;
const otherLock = { ...noLock, contracts: { "tls.inspect@1.0.0": digestOf("another") } };
const floor = { identityFloor: { refuseFreeMail: true } };
const withEmail = (email?: string) => [principal("alice", email === undefined ? {} : { email })];
const subject = (kind: string, value: string) => ({ action: { subjects: [{ kind, value }] } });
const authorization = {
  id: "letter",
  kind: "owner-record" as const,
  targets: ["host:www.example.com"],
  grantedBy: "Acme",
};

const byControl = { authorizations: [{ ...authorization, kind: "domain-control" as const }] };
const proof = (expiresAt: string) => ({
  authorization: authorization.id,
  receipt: `sha256:${"1".repeat(64)}`,
  expiresAt,
});

const tables: readonly Table[] = [
  {
    gate: "catalog",
    decide: catalogGate,
    reasons: catalogReasons,
    denies: [
      ["contract-mismatch", "the action pins another digest", { action: { contract: pinned } }],
      [
        "contract-mismatch",
        "the action names another version",
        { action: { contract: { ...pinned, version: "2.0.0" } } },
      ],
      ["not-in-lock", "the lock is empty", { lock: noLock }],
      ["digest-differs", "the contract changed under its version", { lock: otherLock }],
      [
        "digest-differs",
        "a draft differs from what is locked",
        { lock: otherLock, draft: true, engagement: inLab },
      ],
      ["draft-outside-lab", "a draft runs in production", { draft: true, lock: noLock }],
      ["contract-suspended", "its status says so", { live: { contract: "suspended" } }],
      ["contract-revoked", "its status says so", { live: { contract: "revoked" } }],
      [
        "contract-revoked",
        "a draft was revoked",
        { live: { contract: "revoked" }, draft: true, engagement: inLab },
      ],
    ],
    allows: [
      ["locked and active", {}],
      ["an unlocked draft in a lab", { draft: true, lock: noLock, engagement: inLab }],
    ],
  },
  {
    gate: "identity",
    decide: identityGate,
    reasons: identityReasons,
    denies: [
      ["principal-unknown", "nobody has the id", { action: { requester: "mallory" } }],
      ["principal-unknown", "two have the id", { people: [principal("alice"), principal("alice")] }],
      ["principal-disabled", "disabled by now", { live: { disabledPrincipals: ["alice"] } }],
      [
        "not-in-engagement",
        "not listed",
        { engagement: { principals: [{ id: "bob", roles: ["approver"] }] } },
      ],
      [
        "role-missing",
        "the engagement gives another role",
        { engagement: { principals: [{ id: "alice", roles: ["system"] }] } },
      ],
      [
        "role-missing",
        "the principal has another role",
        { people: [principal("alice", { roles: ["system"] })] },
      ],
      [
        "agent-holds-authority",
        "an agent is approver",
        { people: [principal("alice", { type: "agent", roles: ["operator", "approver"] })] },
      ],
      [
        "agent-holds-authority",
        "the engagement makes an agent owner",
        {
          people: [principal("alice", { type: "agent" })],
          engagement: { principals: [{ id: "alice", roles: ["operator", "owner"] }] },
        },
      ],
      ["free-mail", "a free-mail address", { engagement: floor, people: withEmail("alice@gmail.com") }],
      [
        "free-mail",
        "in capitals with a trailing dot",
        { engagement: floor, people: withEmail("alice@GMail.Com.") },
      ],
      ["free-mail", "in full-width letters", { engagement: floor, people: withEmail("alice@ｇmail.com") }],
      ["email-missing", "a person without an address", { engagement: floor, people: withEmail() }],
      [
        "email-missing",
        "an address whose domain is none",
        { engagement: floor, people: withEmail("alice@10.0.0.1") },
      ],
    ],
    allows: [
      ["the role on both sides", {}],
      ["a free-mail address without a floor", { people: withEmail("alice@gmail.com") }],
      ["a company's address", { engagement: floor, people: withEmail("alice@example.org") }],
      ["an agent as operator", { people: [principal("alice", { type: "agent" })] }],
      [
        "a service without an address",
        { engagement: floor, people: [principal("alice", { type: "service" })] },
      ],
    ],
  },
  {
    gate: "scope",
    decide: scopeGate,
    reasons: scopeReasons,
    denies: [
      ["no-subject", "nothing is named", { action: { subjects: [] } }],
      ["subject-malformed", "an empty value", subject("host", "")],
      ["subject-malformed", "a decimal address", subject("host", "2130706433")],
      ["subject-malformed", "a wildcard", subject("host", "*.example.com")],
      [
        "endpoint-malformed",
        "an octal address",
        { action: { endpoints: [{ host: "0177.0.0.1", protocol: "tcp" }] } },
      ],
      [
        "endpoint-malformed",
        "a port out of range",
        { action: { endpoints: [{ host: "www.example.com", port: 70_000, protocol: "tcp" }] } },
      ],
      [
        "pattern-malformed",
        "in the engagement's exclusions",
        { engagement: { scope: { include: ["host:*"], exclude: ["cidr:10.0.0.1/8"] } } },
      ],
      [
        "pattern-malformed",
        "in the runbook's inclusions",
        { runbookScope: { include: ["host:"], exclude: [] } },
      ],
      [
        "excluded",
        "by the engagement",
        { ...subject("host", "admin.example.com"), runbookScope: { include: ["host:*"], exclude: [] } },
      ],
      [
        "excluded",
        "by the runbook",
        { runbookScope: { include: ["host:www.example.com"], exclude: ["host:www.example.com"] } },
      ],
      [
        "endpoint-excluded",
        "an excluded endpoint",
        { action: { endpoints: [{ host: "admin.example.com.", port: 443, protocol: "tcp" }] } },
      ],
      [
        "endpoint-excluded",
        "a port that is not declared",
        {
          action: { endpoints: [{ host: "www.example.com", protocol: "tcp" }] },
          runbookScope: { include: ["host:*"], exclude: ["endpoint:www.example.com:22"] },
        },
      ],
      ["outside-runbook-scope", "only the engagement has it", subject("host", "api.example.com")],
      [
        "outside-engagement-scope",
        "only the runbook has it",
        { ...subject("host", "www.example.org"), runbookScope: { include: ["host:*"], exclude: [] } },
      ],
      [
        "outside-runbook-scope",
        "one of two",
        {
          action: {
            subjects: [
              { kind: "host", value: "www.example.com" },
              { kind: "host", value: "api.example.com" },
            ],
          },
        },
      ],
    ],
    allows: [
      ["inside both", {}],
      ["another spelling of the name", subject("host", "WWW.Example.COM.")],
      [
        "an endpoint that is in no scope",
        { action: { endpoints: [{ host: "192.0.2.53", port: 53, protocol: "udp" }] } },
      ],
      [
        "another port than the excluded one",
        { runbookScope: { include: ["host:*"], exclude: ["endpoint:www.example.com:22"] } },
      ],
    ],
  },
  {
    gate: "target-authorization",
    decide: targetAuthorizationGate,
    reasons: targetReasons,
    denies: [
      ["target-not-authorized", "no authorization at all", { engagement: { authorizations: [] } }],
      ["target-not-authorized", "one for another target", subject("host", "www.example.org")],
      ["target-not-authorized", "no subject", { action: { subjects: [] } }],
      ["target-not-authorized", "a malformed subject", subject("host", "0x7f.1")],
      ["target-not-authorized", "a file nobody authorized", subject("file", "samples/mail.eml")],
      [
        "authorization-not-in-force",
        "not yet",
        { engagement: { authorizations: [{ ...authorization, notBefore: "2026-11-24T00:00:00Z" }] } },
      ],
      [
        "authorization-not-in-force",
        "no longer",
        { engagement: { authorizations: [{ ...authorization, notAfter: "2026-11-22T00:00:00Z" }] } },
      ],
      [
        "authorization-not-in-force",
        "no clock",
        {
          now: "now",
          engagement: { authorizations: [{ ...authorization, notAfter: "2026-12-22T00:00:00Z" }] },
        },
      ],
      ["control-not-proved", "a domain that nobody looked up", { engagement: byControl }],
      [
        "control-not-proved",
        "a proof that has ended",
        { engagement: byControl, proofs: [proof("2026-11-22T00:00:00Z")] },
      ],
      [
        "control-not-proved",
        "a proof of another authorization",
        { engagement: byControl, proofs: [{ ...proof("2026-12-22T00:00:00Z"), authorization: "other" }] },
      ],
    ],
    allows: [
      ["covered", {}],
      ["proved", { engagement: byControl, proofs: [proof("2026-12-22T00:00:00Z")] }],
      [
        "a second one is in force",
        {
          engagement: {
            authorizations: [{ ...authorization, notAfter: "2026-11-22T00:00:00Z" }, authorization],
          },
        },
      ],
      [
        "a file like any other",
        {
          ...subject("file", "samples/mail.eml"),
          engagement: { authorizations: [{ ...authorization, targets: ["file:samples/*"] }] },
        },
      ],
    ],
  },
  {
    gate: "environment",
    decide: environmentGate,
    reasons: environmentReasons,
    denies: [
      [
        "engagement-mismatch",
        "another version",
        { action: { engagement: { ...pinned, id: "acme", version: "9.0.0" } } },
      ],
      ["engagement-halted", "its status", { live: { engagement: "halted" } }],
      ["engagement-closed", "its status", { live: { engagement: "closed" } }],
      ["change-freeze", "its status", { live: { freeze: true } }],
      ["time-malformed", "a clock that is none", { now: "2026-13-40T00:00:00Z" }],
      ["before-window", "a millisecond early", { now: "2026-10-31T23:59:59.999Z" }],
      ["after-window", "a millisecond late", { now: "2026-12-01T00:00:00.001Z" }],
      ["classification-exceeded", "a higher runbook", { runbookClassification: "confidential" }],
      ["classification-exceeded", "an unknown word", { runbookClassification: "secret-ish" }],
      ["lab-terms-missing", "a lab without terms", { engagement: { environment: "lab" } }],
      ["lab-terms-in-production", "terms in production", { engagement: { lab } }],
      [
        "isolation-unavailable",
        "a host that cannot hold the tool",
        { contract: isolatedContract, live: { isolation: { refused: "bubblewrap-missing" } } },
      ],
      ["no-recipients", "something secret and nobody to seal it to", { contract: secretContract }],
    ],
    allows: [
      ["in the window", {}],
      ["at its first instant", { now: "2026-11-01T00:00:00Z" }],
      ["at its last instant", { now: "2026-12-01T00:00:00.000Z" }],
      ["a lower runbook", { runbookClassification: "public" }],
      ["a lab with terms", { engagement: inLab }],
      [
        "something secret and somebody to seal it to",
        { contract: secretContract, engagement: { evidence: { recipients: ["age1x"] } } },
      ],
      ["a tool that is held", { contract: isolatedContract, adapter: heldAdapter }],
    ],
  },
  {
    gate: "policy",
    decide: policyGate,
    reasons: policyReasons,
    denies: [
      ["policy-denied", "the decision is deny", { policy: denyAll }],
      [
        "policy-error",
        "allowed, with an error",
        { policy: { decide: () => ({ decision: "allow", determining: [], errors: ["x: overflow"] }) } },
      ],
    ],
    allows: [["allowed without errors", {}]],
  },
];

describe.each(tables)("gate $gate", ({ gate, decide, reasons, denies, allows }) => {
  it.each(denies)("denies with %s: %s", (reason, _, changes) => {
    const decided = decide(gateFacts(changes));
    expect({ gate: decided.gate, decision: decided.decision, reason: decided.reason }).toEqual({
      gate,
      decision: "deny",
      reason,
    });
  });

  it.each(allows)("allows: %s", (_, changes) => {
    expect(decide(gateFacts(changes))).toMatchObject({ gate, decision: "allow", reason: "ok" });
  });

  it("reaches every reason code", () => {
    expect([...new Set(denies.map(([reason]) => reason))].sort()).toEqual([...reasons].sort());
  });
});
