import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreedBy, agreeing, type Stamp } from "./agreement.ts";

const stamp = (authority: string, key: string, notAfter: number): Stamp => ({ authority, key, notAfter });

describe("authorities that agree", () => {
  it("are one where one key speaks for two of them", () => {
    const one = [stamp("a", "k", 1), stamp("b", "k", 1)];
    expect([agreeing(one), agreedBy(one, 1), agreedBy(one, 2)]).toEqual([1, 1, undefined]);
    expect(agreeing([...one, stamp("a", "k", 5), stamp("b", "k", 6)])).toBe(1);
  });

  it("are one where it stamped with two keys", () => {
    expect(agreeing([stamp("a", "k", 1), stamp("a", "l", 2)])).toBe(1);
  });

  it("are two where the second has a key of its own, whichever is looked at first", () => {
    const shared = [stamp("a", "k", 1), stamp("b", "k", 1)];
    expect(agreedBy([...shared, stamp("a", "l", 7)], 2)).toBe(7);
    expect(agreedBy([stamp("b", "l", 7), ...shared], 2)).toBe(7);
  });

  it("are as many as any pairing finds", () => {
    const names = fc.constantFrom("a", "b", "c");
    const some = fc.tuple(names, fc.constantFrom("k", "l", "m"), fc.nat(9)).map((of) => stamp(...of));
    fc.assert(
      fc.property(fc.array(some, { maxLength: 7 }), fc.integer({ min: 1, max: 3 }), (stamps, wanted) => {
        const best = mostPairs(stamps);
        expect(agreeing(stamps)).toBe(best);
        const instants = stamps.map(({ notAfter }) => notAfter).sort((a, b) => a - b);
        const first = instants.find(
          (at) => mostPairs(stamps.filter(({ notAfter }) => notAfter <= at)) >= wanted,
        );
        expect(agreedBy(stamps, wanted)).toBe(first);
      }),
    );
  });
});

/** By trying everything. */
function mostPairs([first, ...rest]: readonly Stamp[]): number {
  if (first === undefined) return 0;
  const others = rest.filter(({ authority, key }) => authority !== first.authority && key !== first.key);
  return Math.max(mostPairs(rest), 1 + mostPairs(others));
}
