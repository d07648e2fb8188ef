import { readdirSync, readFileSync } from "node:fs";
import type { ActionDocument } from "../src/contract/action-document.ts";
import { type Contract, referenceOf } from "../src/contract/contract.ts";
import type { Engagement } from "../src/contract/engagement.ts";
import type { ApprovalFact } from "../src/contract/gate-record.ts";
import type { PolicySet } from "../src/contract/policy-set.ts";
import type { Principal } from "../src/contract/principal.ts";
import { digestOf, digestOfJson } from "../src/format/digest.ts";
import { cedarLanguageVersion } from "../src/gate/cedar-language.ts";
import type { GateFacts, PolicyDecider } from "../src/gate/facts.ts";

/** Decides everything as allowed, for tests of the other gates. */
export const permitAll: PolicyDecider = {
  decide: () => ({ decision: "allow", determining: ["permit-all"], errors: [] }),
};
export const denyAll: PolicyDecider = { decide: () => ({ decision: "deny", determining: [], errors: [] }) };

/** The project's default policies, from their files. */
export function defaultPolicies(): PolicySet {
  const folder = new URL("../policies/", import.meta.url);
  const read = (name: string) => readFileSync(new URL(name, folder), "utf8");
  const files = readdirSync(folder).filter((name) => name.endsWith(".cedar"));
  return {
    apiVersion: "witnessops/v1",
    kind: "PolicySet",
    language: { name: "cedar", version: cedarLanguageVersion() },
    schema: read("schema.cedarschema"),
    policies: Object.fromEntries(files.map((name) => [name.replace(/\.cedar$/, ""), read(name)])),
  };
}

/** A principal without keys. */
export function principal(id: string, more: Partial<Principal> = {}): Principal {
  return {
    apiVersion: "witnessops/v1",
    kind: "Principal",
    id,
    type: "human",
    name: id,
    roles: ["operator"],
    keys: [],
    ...more,
  };
}

/** A TLS inspection: a complete contract of effect `read`. */
export function contract(more: Partial<Contract> = {}): Contract {
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: "tls.inspect",
    version: "1.0.0",
    title: "Inspect a certificate",
    purpose: "One handshake",
    effect: "read",
    inputs: { type: "object" },
    outputs: { type: "object" },
    errors: [{ class: "TLS_HANDSHAKE", side: "external", retryable: false, when: "true", meaning: "broken" }],
    scope: {
      subjects: [{ kind: "host", from: "inputs.host" }],
      endpoints: [{ host: "inputs.host", port: 443 }],
      actions: ["tls.handshake"],
      disallowed: ["application data"],
    },
    authority: { roles: ["operator"], approval: "none" },
    execution: { adapter: "tls", with: {}, outputs: {}, timeout: "10s", idempotency: "safe" },
    evidence: {
      artifacts: [
        {
          name: "peer-chain",
          mediaType: "application/pem-certificate-chain",
          required: true,
          sensitivity: "internal",
        },
      ],
      maxBytes: "1MB",
    },
    failure: { onFailure: "stop" },
    boundary: { external: ["the certificate"] },
    attests: "the chain",
    doesNotAttest: "trust",
    ...more,
  };
}

export function engagement(more: Partial<Engagement> = {}): Engagement {
  return {
    apiVersion: "witnessops/v1",
    kind: "Engagement",
    id: "acme",
    version: "1.0.0",
    title: "Acme",
    owner: "olga",
    objective: "know the exposure",
    environment: "production",
    classification: "internal",
    window: { notBefore: "2026-11-01T00:00:00Z", notAfter: "2026-12-01T00:00:00Z" },
    principals: [
      { id: "alice", roles: ["operator"] },
      { id: "bob", roles: ["approver"] },
      { id: "carol", roles: ["approver"] },
      { id: "olga", roles: ["owner"] },
    ],
    scope: { include: ["host:*.example.com", "host:example.com"], exclude: ["host:admin.example.com"] },
    authorizations: [
      {
        id: "letter",
        kind: "owner-record",
        targets: ["host:example.com", "host:*.example.com"],
        grantedBy: "Acme",
      },
    ],
    ...more,
  };
}

/** What a test changes: parts of documents, or facts as a whole. */
export interface Changes extends Partial<Omit<GateFacts, "contract" | "engagement" | "action" | "live">> {
  readonly contract?: Partial<Contract>;
  readonly engagement?: Partial<Engagement>;
  readonly action?: Partial<ActionDocument>;
  readonly live?: Partial<GateFacts["live"]>;
  readonly people?: readonly Principal[];
}

/** Facts that every gate allows, with changes. */
export function gateFacts(changes: Changes = {}): GateFacts {
  const { contract: c, engagement: e, action: a, live, people, ...rest } = changes;
  const changedContract = contract(c);
  const contractDigest = digestOfJson(changedContract);
  const changedEngagement = engagement(e);
  const pinned = { id: changedContract.id, version: changedContract.version, digest: contractDigest };
  return {
    action: {
      schema: "witnessops/action/v1",
      contract: pinned,
      runbook: { id: "exposure-check", version: "1.0.0", digest: digestOf("runbook") },
      engagement: {
        id: changedEngagement.id,
        version: changedEngagement.version,
        digest: digestOfJson(changedEngagement),
      },
      run: "run1",
      step: "tls",
      invocation: "run1/tls",
      effect: changedContract.effect,
      inputs: { host: "www.example.com" },
      subjects: [{ kind: "host", value: "www.example.com" }],
      endpoints: [{ host: "www.example.com", port: 443, protocol: "tcp" }],
      requester: "alice",
      objective: "know the exposure",
      approvalRule: changedContract.authority.approval,
      policyDigest: digestOf("policies"),
      idempotencyKey: "key",
      nonce: "0".repeat(32),
      ...a,
    },
    attempt: 1,
    now: "2026-11-23T10:00:00.000Z",
    draft: false,
    contract: changedContract,
    contractDigest,
    lock: {
      apiVersion: "witnessops/v1",
      kind: "CatalogLock",
      contracts: { [referenceOf(changedContract)]: contractDigest },
    },
    engagement: changedEngagement,
    principals: {
      apiVersion: "witnessops/v1",
      kind: "PrincipalSet",
      principals: [
        ...(people ?? [
          principal("alice"),
          principal("bob", { roles: ["approver"] }),
          principal("carol", { roles: ["approver"] }),
          principal("olga", { roles: ["owner"] }),
        ]),
      ],
    },
    runbookScope: { include: ["host:www.example.com"], exclude: [] },
    runbookClassification: "internal",
    adapter: { id: "tls", version: "1.0.0", isolation: "in-process", egress: "guarded" },
    live: { contract: "active", engagement: "open", freeze: false, disabledPrincipals: [], ...live },
    approvals: [],
    policy: permitAll,
    ...rest,
  };
}

/** A checked approval by a person with an own key outside the workspace. */
export function approvalBy(who: string, more: Partial<ApprovalFact> = {}): ApprovalFact {
  return {
    digest: digestOf(`${who} ${JSON.stringify(more)}`),
    principal: who,
    decision: "approve",
    keyId: `SHA256:${who}`,
    custody: "held",
    notAfter: "2026-11-24T00:00:00Z",
    ...more,
  };
}
