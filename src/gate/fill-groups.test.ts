import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Role, roles } from "../contract/vocabulary.ts";
import { fillGroups } from "./fill-groups.ts";

const twoAndOne = [
  { quorum: 2, roles: ["approver" as const] },
  { quorum: 1, roles: ["owner" as const] },
];

describe("fillGroups", () => {
  it("counts a person once, in the group where they are needed", () => {
    const both: Role[] = ["approver", "owner"];
    expect(fillGroups(twoAndOne, [both, ["approver"], ["approver"]])).toEqual([2, 1]);
    expect(fillGroups(twoAndOne, [["approver"], both, ["approver"]])).toEqual([2, 1]);
    expect(fillGroups(twoAndOne, [both, both])).toEqual([2, 0]);
    expect(fillGroups(twoAndOne, [["owner"], ["owner"], ["approver"]])).toEqual([1, 1]);
    expect(fillGroups(twoAndOne, [])).toEqual([0, 0]);
  });

  const group = fc.record({
    quorum: fc.integer({ min: 1, max: 3 }),
    roles: fc.subarray([...roles], { minLength: 1 }),
  });
  const total = (filled: readonly number[]) => filled.reduce((sum, count) => sum + count, 0);

  it("fills as many places as any assignment could, whatever the order of people", () => {
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 1, maxLength: 3 }),
        fc.array(fc.subarray([...roles]), { maxLength: 5 }),
        (groups, people) => {
          const filled = fillGroups(groups, people);
          expect(total(filled)).toBe(best(groups, people));
          expect(total(fillGroups(groups, [...people].reverse()))).toBe(total(filled));
          for (const [index, { quorum }] of groups.entries())
            expect(filled[index]).toBeLessThanOrEqual(quorum);
        },
      ),
    );
  });

  /** By trying every assignment. */
  function best(groups: { quorum: number; roles: Role[] }[], people: Role[][]): number {
    const [first, ...rest] = people;
    if (first === undefined) return 0;
    let most = best(groups, rest);
    for (const [index, one] of groups.entries()) {
      if (one.quorum === 0 || !one.roles.some((role) => first.includes(role))) continue;
      const left = groups.map((each, i) => (i === index ? { ...each, quorum: each.quorum - 1 } : each));
      most = Math.max(most, 1 + best(left, rest));
    }
    return most;
  }
});
