import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { sameJson } from "./json.ts";

const few = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, -0, 1, "", "a"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__", "1"), tie("value"), { maxKeys: 2 }),
  ),
})).value;

describe("sameJson", () => {
  it("is true exactly of values with the same canonical JSON", () => {
    let same = 0;
    fc.assert(
      fc.property(few, few, (a, b) => {
        const due = canonicalJson(a) === canonicalJson(b);
        if (due) same += 1;
        expect(sameJson(a, b)).toBe(due);
        expect(sameJson(a, structuredClone(a))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(same).toBeGreaterThan(20);
  });

  it("takes a member that is undefined as absent", () => {
    expect(sameJson({ a: undefined, b: 1 }, { b: 1 })).toBe(true);
    expect(sameJson({ b: 1 }, { a: undefined, b: 1, c: undefined })).toBe(true);
    expect(sameJson({ a: undefined }, { b: 1 })).toBe(false);
    expect(sameJson({ a: 1 }, { a: undefined })).toBe(false);
    expect(sameJson([], {})).toBe(false);
  });
});
