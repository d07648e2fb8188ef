import { type ApprovalRule, roles } from "../contract/vocabulary.ts";
import { millisOfDuration } from "../format/duration.ts";
import { GateError } from "./gate-error.ts";

/**
 * The approval rule that holds for a step: the contract's, tightened by the step's. A step can never loosen.
 *
 * The order is `none < self < designated < quorum`. Quorums are combined part by part: the greater number, the
 * roles that both accept, the shorter expiry. Against a quorum `designated` reads as one of `approver`, so that a
 * quorum of another role cannot replace a designated approver.
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
  const common = roles.filter((role) => a.roles.includes(role) && b.roles.includes(role));
  if (common.length === 0) {
    throw new GateError({
      code: "APPROVAL_RULES_INCOMPATIBLE",
      message: `the contract accepts approvals of \`${a.roles.join(", ")}\` and the step only of \`${b.roles.join(", ")}\``,
      hint: "let the step's `gates.approval` name a role that the contract accepts",
    });
  }
  const expiresIn = shorter(a.expiresIn, b.expiresIn);
  return {
    quorum: Math.max(a.quorum, b.quorum),
    roles: common,
    ...(expiresIn === undefined ? {} : { expiresIn }),
  };
}

type Quorum = Exclude<ApprovalRule, string>;
const WORDS = ["none", "self", "designated"];

function asQuorum(rule: ApprovalRule): Quorum | undefined {
  if (typeof rule !== "string") return rule;
  return rule === "designated" ? { quorum: 1, roles: ["approver"] } : undefined;
}

function shorter(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return millisOfDuration(b) < millisOfDuration(a) ? b : a;
}
