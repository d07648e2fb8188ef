import { peopleOf } from "./approval-groups.ts";
import type { ApprovalRule } from "./vocabulary.ts";

const RANK = { none: 0, self: 1, designated: 2 } as const;

/** How strong an approval rule is: none < self < designated < quorum, and more people over fewer. */
export function approvalStrength(rule: ApprovalRule): number {
  return typeof rule === "string" ? RANK[rule] : RANK.designated + peopleOf(rule) / 1000;
}
