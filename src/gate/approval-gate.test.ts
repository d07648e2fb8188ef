import { describe, expect, it } from "vitest";
import { approvalBy, type Changes, denyAll, gateFacts, permitAll, principal } from "../../test/gate-facts.ts";
import type { ApprovalFact } from "../contract/gate-record.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import { approvalGate, reasons } from "./approval-gate.ts";
import type { GateFacts } from "./facts.ts";

const quorum: ApprovalRule = { quorum: 2, roles: ["approver", "owner"], expiresIn: "4h" };

function facts(rule: ApprovalRule, approvals: readonly ApprovalFact[], more: Changes = {}): GateFacts {
  return gateFacts({ policy: denyAll, approvals, ...more, action: { approvalRule: rule, ...more.action } });
}

function outcome(rule: ApprovalRule, approvals: readonly ApprovalFact[], more: Changes = {}): string {
  const { decision, reason } = approvalGate(facts(rule, approvals, more));
  return decision === "allow" ? "allow" : `${decision} ${reason}`;
}

const PAUSE = "pause approval-required";
const twoAndOne: ApprovalRule = {
  groups: [
    { quorum: 1, roles: ["approver"] },
    { quorum: 1, roles: ["owner"] },
  ],
  expiresIn: "4h",
};
const bothRoles = { people: [principal("alice", { roles: ["operator", "approver"] })] };
const aliceApproves = {
  ...bothRoles,
  engagement: { principals: [{ id: "alice", roles: ["operator" as const, "approver" as const] }] },
};

type Row = [when: string, rule: ApprovalRule, approvals: ApprovalFact[], more: Changes, expected: string];

const rows: readonly Row[] = [
  ["one of each group", twoAndOne, [approvalBy("bob"), approvalBy("olga")], {}, "allow"],
  ["one group only", twoAndOne, [approvalBy("bob")], {}, PAUSE],
  ["the other group only", twoAndOne, [approvalBy("olga")], {}, PAUSE],
  [
    "one person in both groups fills one of them",
    twoAndOne,
    [approvalBy("bob")],
    {
      people: [principal("bob", { roles: ["approver", "owner"] })],
      engagement: { principals: [{ id: "bob", roles: ["approver", "owner"] }] },
    },
    PAUSE,
  ],
  [
    "a rejection by the second group",
    twoAndOne,
    [approvalBy("bob"), approvalBy("olga", { decision: "reject" })],
    {},
    "deny approval-rejected",
  ],
  [
    "groups asked longer ago than the rule allows",
    twoAndOne,
    [approvalBy("bob"), approvalBy("olga")],
    { pausedAt: { approval: "2026-11-20T00:00:00Z" } },
    "deny approval-expired",
  ],
  ["no rule, no approval", "none", [], {}, "allow"],
  ["none yet", "designated", [], {}, PAUSE],
  ["a designated approver", "designated", [approvalBy("bob")], {}, "allow"],
  ["an owner is no approver", "designated", [approvalBy("olga")], {}, PAUSE],
  ["an operator is no approver", "designated", [approvalBy("alice")], {}, PAUSE],
  ["somebody unknown", "designated", [approvalBy("mallory")], {}, PAUSE],
  [
    "an approver who is not in the engagement",
    "designated",
    [approvalBy("bob")],
    { engagement: { principals: [{ id: "alice", roles: ["operator"] }] } },
    PAUSE,
  ],
  [
    "an approver only by the engagement",
    "designated",
    [approvalBy("bob")],
    { people: [principal("alice"), principal("bob")] },
    PAUSE,
  ],
  [
    "an agent",
    "designated",
    [approvalBy("bob")],
    { people: [principal("bob", { type: "agent", roles: ["approver"] })] },
    PAUSE,
  ],
  [
    "a service",
    "designated",
    [approvalBy("bob")],
    { people: [principal("bob", { type: "service", roles: ["approver"] })] },
    PAUSE,
  ],
  [
    "a disabled approver",
    "designated",
    [approvalBy("bob")],
    { live: { disabledPrincipals: ["bob"] } },
    PAUSE,
  ],
  ["a key that the host holds", "designated", [approvalBy("bob", { custody: "local" })], {}, PAUSE],
  [
    "an approval that expired",
    "designated",
    [approvalBy("bob", { notAfter: "2026-11-23T09:59:59Z" })],
    {},
    PAUSE,
  ],
  [
    "an approval in its last instant",
    "designated",
    [approvalBy("bob", { notAfter: "2026-11-23T10:00:00Z" })],
    {},
    "allow",
  ],
  [
    "an approval without a real date",
    "designated",
    [approvalBy("bob", { notAfter: "2026-99-23T10:00:00Z" })],
    {},
    PAUSE,
  ],
  ["one's own request", "designated", [approvalBy("alice")], aliceApproves, PAUSE],
  [
    "one's own request, when policy permits",
    "designated",
    [approvalBy("alice")],
    { ...aliceApproves, policy: permitAll },
    "allow",
  ],
  [
    "one's own request by a local key, when policy permits",
    "designated",
    [approvalBy("alice", { custody: "local" })],
    { ...aliceApproves, policy: permitAll },
    PAUSE,
  ],
  [
    "one's own request, when policy errs",
    "designated",
    [approvalBy("alice")],
    { ...aliceApproves, policy: { decide: () => ({ decision: "allow", determining: [], errors: ["x"] }) } },
    PAUSE,
  ],
  ["self: the requester", "self", [approvalBy("alice")], {}, "allow"],
  ["self: the requester's local key", "self", [approvalBy("alice", { custody: "local" })], {}, "allow"],
  ["self: an approver", "self", [approvalBy("bob")], {}, "allow"],
  ["self: an owner who is no approver", "self", [approvalBy("olga")], {}, PAUSE],
  [
    "self: an agent for itself",
    "self",
    [approvalBy("alice")],
    { people: [principal("alice", { type: "agent" })] },
    PAUSE,
  ],
  ["quorum: one of two", quorum, [approvalBy("bob")], {}, PAUSE],
  ["quorum: two of two", quorum, [approvalBy("bob"), approvalBy("carol")], {}, "allow"],
  ["quorum: two roles", quorum, [approvalBy("bob"), approvalBy("olga")], {}, "allow"],
  [
    "quorum: one person twice",
    quorum,
    [approvalBy("bob"), approvalBy("bob", { keyId: "SHA256:other" })],
    {},
    PAUSE,
  ],
  [
    "quorum: two people with one key",
    quorum,
    [approvalBy("bob"), approvalBy("carol", { keyId: "SHA256:bob" })],
    {},
    PAUSE,
  ],
  [
    "quorum: one of them local",
    quorum,
    [approvalBy("bob"), approvalBy("carol", { custody: "local" })],
    {},
    PAUSE,
  ],
  [
    "quorum: asked for in time",
    quorum,
    [approvalBy("bob")],
    { pausedAt: { approval: "2026-11-23T06:00:00.000Z" } },
    PAUSE,
  ],
  [
    "quorum: asked for too long ago",
    quorum,
    [approvalBy("bob")],
    { pausedAt: { approval: "2026-11-23T05:59:59.999Z" } },
    "deny approval-expired",
  ],
  [
    "quorum: complete, but too late",
    quorum,
    [approvalBy("bob"), approvalBy("carol")],
    { pausedAt: { approval: "2026-11-23T05:00:00Z" } },
    "deny approval-expired",
  ],
  [
    "rejected by an approver",
    "designated",
    [approvalBy("bob", { decision: "reject" })],
    {},
    "deny approval-rejected",
  ],
  [
    "rejected by one, approved by another",
    "designated",
    [approvalBy("bob"), approvalBy("carol", { decision: "reject" })],
    {},
    "deny approval-rejected",
  ],
  [
    "rejected with a local key",
    "designated",
    [approvalBy("bob", { decision: "reject", custody: "local" })],
    {},
    "deny approval-rejected",
  ],
  [
    "withdrawn by the requester",
    "designated",
    [approvalBy("alice", { decision: "reject" })],
    {},
    "deny approval-rejected",
  ],
  [
    "rejected by somebody without a say",
    "designated",
    [approvalBy("olga", { decision: "reject" })],
    {},
    PAUSE,
  ],
  [
    "rejected by a disabled approver",
    "designated",
    [approvalBy("bob", { decision: "reject" })],
    { live: { disabledPrincipals: ["bob"] } },
    PAUSE,
  ],
  [
    "rejected by an agent",
    "designated",
    [approvalBy("bob", { decision: "reject" })],
    { people: [principal("bob", { type: "agent", roles: ["approver"] })] },
    PAUSE,
  ],
];

describe("approval gate", () => {
  it.each(rows)("%s", (_, rule, approvals, more, expected) => {
    expect(outcome(rule, approvals, more)).toBe(expected);
  });

  it("reaches every reason code", () => {
    const reached = rows.flatMap(([, , , , expected]) => expected.split(" ").slice(1));
    expect([...new Set(reached)].sort()).toEqual([...reasons].sort());
  });

  it("says what is missing, and why what is there does not count", () => {
    const own = approvalBy("alice");
    const bob = approvalBy("bob");
    expect(approvalGate(facts(quorum, [own, bob])).facts).toEqual({
      rule: quorum,
      required: 2,
      have: [{ principal: "bob", approval: bob.digest }],
      missing: 1,
      discounted: [{ principal: "alice", approval: own.digest, because: "role-missing" }],
    });
  });

  it("gives a rejection's reason", () => {
    const reject = approvalBy("bob", { decision: "reject", reason: "not this week" });
    expect(approvalGate(facts("designated", [reject])).facts).toMatchObject({
      principal: "bob",
      why: "not this week",
    });
  });

  it("does not depend on the order in which approvals came", () => {
    const all = [approvalBy("bob"), approvalBy("carol"), approvalBy("olga"), approvalBy("alice")];
    expect(approvalGate(facts(quorum, all))).toEqual(approvalGate(facts(quorum, [...all].reverse())));
  });
});
