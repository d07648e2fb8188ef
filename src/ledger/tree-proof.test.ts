import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../format/base64.ts";
import { leafHash, rootOf, type TreeHash, verifyConsistency, verifyInclusion } from "../format/merkle.ts";
import { proveConsistency, proveInclusion, type ReadNodes, rootAt } from "./tree-proof.ts";

const SIZE = 66_000;
const leaves: TreeHash[] = Array.from({ length: SIZE }, (_, i) => leafHash(new TextEncoder().encode(`${i}`)));
const level1 = Array.from({ length: 257 }, (_, n) => rootOf(leaves.slice(256 * n, 256 * n + 256)));
const levels = [leaves, level1, [rootOf(level1.slice(0, 256))]];

/** Answers only what one tile holds. */
const read: ReadNodes = (level, from, to) => {
  if (Math.floor(from / 256) !== Math.floor((to - 1) / 256))
    throw new Error(`${from} to ${to} is not one tile`);
  const nodes = levels[level]?.slice(from, to) ?? [];
  if (nodes.length !== to - from) throw new Error(`level ${level} has no nodes ${from} to ${to}`);
  return nodes;
};
const size = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: SIZE }));
const pair = size.chain((n) => fc.tuple(fc.integer({ min: 1, max: n }), fc.constant(n)));

describe("proofs from tiles", () => {
  it("show each entry in each tree, and at no other index", () => {
    fc.assert(
      fc.property(pair, ([place, n]) => {
        const index = place - 1;
        const root = rootAt(n, read);
        const path = proveInclusion(index, n, read);
        const leaf = leaves[index] as TreeHash;
        expect(verifyInclusion(leaf, index, n, path, root)).toBe(true);
        expect(verifyInclusion(leaf, index + 1, n, path, root)).toBe(false);
        if (path.length > 0) expect(verifyInclusion(leaf, index, n, path.slice(1), root)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it("show that each tree continues each smaller one", () => {
    fc.assert(
      fc.property(pair, ([first, n]) => {
        const before = { size: first, root: rootAt(first, read) };
        const after = { size: n, root: rootAt(n, read) };
        const proof = proveConsistency(first, n, read);
        expect(verifyConsistency(before, after, proof)).toBe(true);
        const forked = { size: first, root: leafHash(before.root) };
        expect(verifyConsistency(forked, after, proof)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it("have the root of RFC 6962", () => {
    for (const n of [1, 255, 256, 257, 65_536, SIZE])
      expect(toHex(rootAt(n, read))).toBe(toHex(rootOf(leaves.slice(0, n))));
  });

  it("are refused of what is not there", () => {
    expect(() => proveInclusion(5, 5, read)).toThrow(RangeError);
    expect(() => proveInclusion(-1, 5, read)).toThrow(RangeError);
    expect(() => proveConsistency(6, 5, read)).toThrow(RangeError);
    expect(() => proveConsistency(0, 5, read)).toThrow(RangeError);
  });
});
