import { type ApprovalGroup, groupsOf, type QuorumRule } from "../contract/approval-groups.ts";
import { type ApprovalRule, roles } from "../contract/vocabulary.ts";
import { millisOfDuration } from "../format/duration.ts";
import { GateError } from "./gate-error.ts";

/**
 * The approval rule that holds for a step: the contract's, tightened by the step's. A step can never loosen.
 *
 * The order is `none < self < designated < quorum`. Quorums are combined part by part: the greater number, the
 * roles that both accept, the shorter expiry. Against a quorum `designated` reads as one of `approver`, so that a
 * quorum of another role cannot replace a designated approver. With groups on either side the groups of both have to
 * be filled; groups of the same roles are one, of the greater number.
 *
 * @throws GateError `APPROVAL_RULES_INCOMPATIBLE` when the two accept no role in common.
 */
export function tightenApproval(
  contractRule: ApprovalRule,
  stepRule: ApprovalRule | undefined,
): ApprovalRule {
  if (stepRule === undefined) return contractRule;
  if (typeof contractRule === "string" && typeof stepRule === "string") {
    return WORDS.indexOf(stepRule) > WORDS.indexOf(contractRule) ? stepRule : contractRule;
  }
  const a = asQuorum(contractRule);
  const b = asQuorum(stepRule);
  if (a === undefined) return stepRule;
  if (b === undefined) return contractRule;
  const expiresIn = shorter(a.expiresIn, b.expiresIn);
  const within = expiresIn === undefined ? {} : { expiresIn };
  if ("groups" in a || "groups" in b) return { groups: mergeGroups(groupsOf(a), groupsOf(b)), ...within };
  const common = roles.filter((role) => a.roles.includes(role) && b.roles.includes(role));
  if (common.length === 0) {
    throw new GateError({
      code: "APPROVAL_RULES_INCOMPATIBLE",
      message: `the contract accepts approvals of \`${a.roles.join(", ")}\` and the step only of \`${b.roles.join(", ")}\``,
      hint: "let the step's `gates.approval` name a role that the contract accepts",
    });
  }
  return { quorum: Math.max(a.quorum, b.quorum), roles: common, ...within };
}

const MAX_GROUPS = 10;

function mergeGroups(a: readonly ApprovalGroup[], b: readonly ApprovalGroup[]): Groups {
  const merged = byRoles(a);
  for (const [name, { quorum, roles }] of byRoles(b)) {
    merged.set(name, { quorum: Math.max(quorum, merged.get(name)?.quorum ?? 0), roles });
  }
  if (merged.size <= MAX_GROUPS) return [...merged.values()];
  throw new GateError({
    code: "APPROVAL_RULES_INCOMPATIBLE",
    message: `contract and step together ask for ${merged.size} groups of people`,
    hint: `ask for ${MAX_GROUPS} at most`,
  });
}

/** One rule's groups of the same roles are filled side by side: they add up. */
function byRoles(groups: readonly ApprovalGroup[]): Map<string, Groups[number]> {
  const sums = new Map<string, Groups[number]>();
  for (const { quorum, roles } of groups) {
    const name = [...roles].sort().join();
    sums.set(name, { quorum: quorum + (sums.get(name)?.quorum ?? 0), roles: [...roles] });
  }
  return sums;
}

type Groups = Extract<QuorumRule, { groups: unknown }>["groups"];
const WORDS = ["none", "self", "designated"];

function asQuorum(rule: ApprovalRule): QuorumRule | undefined {
  if (typeof rule !== "string") return rule;
  return rule === "designated" ? { quorum: 1, roles: ["approver"] } : undefined;
}

function shorter(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return millisOfDuration(b) < millisOfDuration(a) ? b : a;
}
