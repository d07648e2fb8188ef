import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { approvalBy, denyAll, gateFacts, principal } from "../../test/gate-facts.ts";
import { type ApprovalRule, roles } from "../contract/vocabulary.ts";
import { approvalGate } from "./approval-gate.ts";
import { GateError } from "./gate-error.ts";
import { tightenApproval } from "./tighten-approval.ts";

const two: ApprovalRule = { quorum: 2, roles: ["approver"], expiresIn: "4h" };

describe("tightenApproval", () => {
  it.each<[ApprovalRule, ApprovalRule | undefined, ApprovalRule]>([
    ["designated", undefined, "designated"],
    ["none", "self", "self"],
    ["designated", "none", "designated"],
    ["designated", "self", "designated"],
    ["none", two, two],
    [two, "none", two],
    [two, "self", two],
    [two, "designated", { quorum: 2, roles: ["approver"], expiresIn: "4h" }],
    ["designated", { quorum: 1, roles: ["approver", "operator"] }, { quorum: 1, roles: ["approver"] }],
    [
      two,
      { quorum: 1, roles: ["owner", "approver"], expiresIn: "30m" },
      { quorum: 2, roles: ["approver"], expiresIn: "30m" },
    ],
    [two, { quorum: 3, roles: ["approver"] }, { quorum: 3, roles: ["approver"], expiresIn: "4h" }],
    [
      two,
      { groups: [{ quorum: 1, roles: ["owner"] }], expiresIn: "1h" },
      {
        groups: [
          { quorum: 2, roles: ["approver"] },
          { quorum: 1, roles: ["owner"] },
        ],
        expiresIn: "1h",
      },
    ],
    [
      {
        groups: [
          { quorum: 1, roles: ["approver"] },
          { quorum: 1, roles: ["owner"] },
        ],
      },
      "designated",
      {
        groups: [
          { quorum: 1, roles: ["approver"] },
          { quorum: 1, roles: ["owner"] },
        ],
      },
    ],
  ])("%j and %j make %j", (contractRule, stepRule, expected) => {
    expect(tightenApproval(contractRule, stepRule)).toEqual(expected);
  });

  it("refuses rules that nobody can meet at once", () => {
    const owners: ApprovalRule = { quorum: 1, roles: ["owner"] };
    expect(() => tightenApproval(two, owners)).toThrow(GateError);
    expect(() => tightenApproval("designated", owners)).toThrow("approver");
  });

  const rule: fc.Arbitrary<ApprovalRule> = fc.oneof(
    fc.constantFrom<ApprovalRule>("none", "self", "designated"),
    fc.record({
      quorum: fc.integer({ min: 1, max: 3 }),
      roles: fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 }),
    }),
    fc.record({
      groups: fc.array(
        fc.record({
          quorum: fc.integer({ min: 1, max: 2 }),
          roles: fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  );
  const names = ["alice", "bob", "carol", "olga"];
  const people = fc.array(fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 }), {
    minLength: 4,
    maxLength: 4,
  });

  it("never lets pass what the contract's rule alone would not", () => {
    fc.assert(
      fc.property(rule, rule, people, fc.subarray(names), (contractRule, stepRule, held, approving) => {
        let tightened: ApprovalRule;
        try {
          tightened = tightenApproval(contractRule, stepRule);
        } catch {
          return;
        }
        const decide = (approvalRule: ApprovalRule) =>
          approvalGate(
            gateFacts({
              policy: denyAll,
              approvals: approving.map((id) => approvalBy(id)),
              people: names.map((id, i) => principal(id, { roles: held[i] ?? [] })),
              engagement: { principals: names.map((id, i) => ({ id, roles: held[i] ?? [] })) },
              action: { approvalRule },
            }),
          ).decision;
        // `self` is met by approvers only, a quorum of other people is held to be more than that.
        if (decide(tightened) === "allow" && contractRule !== "self")
          expect(decide(contractRule)).toBe("allow");
      }),
    );
  });
});
