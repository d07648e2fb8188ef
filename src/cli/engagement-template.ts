import type { Classification, Environment } from "../contract/vocabulary.ts";

/** What `engagement new` fills in; the rest is for the author to edit. */
export interface EngagementDraft {
  readonly id: string;
  readonly title: string;
  readonly objective: string;
  readonly owner: string;
  readonly operators: readonly string[];
  readonly approvers: readonly string[];
  readonly environment: Environment;
  readonly classification: Classification;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Age recipients to whom secret evidence is sealed. */
  readonly recipients: readonly string[];
  /** UTC, RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
}

/** The text of a new engagement: complete, valid, and explained line by line. */
export function engagementText(draft: EngagementDraft): string {
  const { owner, operators, approvers } = draft;
  const ids = [...new Set([owner, ...operators, ...approvers])];
  const principals = ids.map((id) => {
    const roles = [
      ...(id === owner ? ["owner"] : []),
      ...(operators.includes(id) ? ["operator"] : []),
      ...(approvers.includes(id) ? ["approver"] : []),
    ];
    return `  - { id: ${id}, roles: [${roles.join(", ")}] }`;
  });
  return `# yaml-language-server: $schema=../schemas/engagement.schema.json
# Who may do what to which targets, when and why. After a change, an owner signs it again:
#   witnessops engagement authorize ${draft.id} --key <owner key file>
apiVersion: witnessops/v1
kind: Engagement
id: ${draft.id}
version: 1.0.0
title: ${quoted(draft.title)}
owner: ${owner}
objective: ${quoted(draft.objective)}
# ticket: SEC-123

# lab or production; results of a lab are never strong proof
environment: ${draft.environment}
# public, internal, confidential or restricted
classification: ${draft.classification}
window:
  notBefore: ${quoted(draft.notBefore)}
  notAfter: ${quoted(draft.notAfter)}

# Roles here are at most those of the principal: operator, approver, owner, system
principals:
${principals.join("\n")}

# kind:value with host, address, cidr, url, endpoint, email-domain, account, repository, tenant, user, file.
# host:*.example.com is every name below, not the apex; exclusions always win.
scope:
  include:
${items(draft.include, "    ")}
  exclude:${draft.exclude.length === 0 ? " []" : `\n${items(draft.exclude, "    ")}`}

# Who allowed which targets to be touched. Without one that covers a target, nothing is sent to it.
authorizations:
  - id: owner
    kind: owner-record
    grantedBy: ${quoted(owner)}
    targets:
${items(draft.include, "      ")}
${draft.recipients.length === 0 ? "" : evidenceTerms(draft)}${draft.environment === "lab" ? labTerms(draft) : ""}`;
}

function evidenceTerms({ recipients }: EngagementDraft): string {
  return `
# Who can open evidence of sensitivity \`secret\`: it is encrypted to them before it is stored
evidence:
  recipients:
${items(recipients, "    ")}
`;
}

function labTerms({ owner, approvers, objective, include }: EngagementDraft): string {
  return `
# The terms under which a lab runs; all of them are needed
lab:
  approver: ${approvers[0] ?? owner}
  reason: ${quoted(objective)}
  boundary: ${quoted(`only ${include.join(", ")}`)}
  stopCondition: stop at the first effect outside the boundary
  dataHandling: synthetic data only; delete the workspace afterwards
`;
}

function items(values: readonly string[], indent: string): string {
  return values.map((value) => `${indent}- ${quoted(value)}`).join("\n");
}

/** A YAML double-quoted scalar; JSON strings are a subset of them (YAML 1.2 section 7.3.1). */
function quoted(text: string): string {
  return JSON.stringify(text);
}
