import type { ApprovalRule, Role } from "./vocabulary.ts";

/** An approval rule that counts people. */
export type QuorumRule = Exclude<ApprovalRule, string>;

/** So many different people with one of these roles. */
export interface ApprovalGroup {
  readonly quorum: number;
  readonly roles: readonly Role[];
}

/** The groups of a rule that counts people: a plain quorum is one. */
export function groupsOf(rule: QuorumRule): readonly ApprovalGroup[] {
  return "groups" in rule ? rule.groups : [{ quorum: rule.quorum, roles: rule.roles }];
}

/** How many people a rule asks for. */
export function peopleOf(rule: QuorumRule): number {
  return groupsOf(rule).reduce((count, group) => count + group.quorum, 0);
}

/** The groups in words: `2 of approver and 1 of owner`. */
export function groupsText(rule: QuorumRule): string {
  return groupsOf(rule)
    .map(({ quorum, roles }) => `${quorum} of ${roles.join(" or ")}`)
    .join(" and ");
}
