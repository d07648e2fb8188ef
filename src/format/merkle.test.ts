import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "./base64.ts";
import {
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  rootOf,
  sameHash,
  type TreeHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";

const leaves = (count: number): TreeHash[] =>
  Array.from({ length: count }, (_, i) => leafHash(new TextEncoder().encode(`entry ${i}`)));
const split = (size: number): number => 2 ** Math.floor(Math.log2(size - 1));

/** RFC 6962 section 2.1.1, as written there. */
function path(m: number, all: readonly TreeHash[]): TreeHash[] {
  if (all.length === 1) return [];
  const k = split(all.length);
  return m < k
    ? [...path(m, all.slice(0, k)), rootOf(all.slice(k))]
    : [...path(m - k, all.slice(k)), rootOf(all.slice(0, k))];
}

/** RFC 6962 section 2.1.2, as written there. */
function proof(m: number, all: readonly TreeHash[], whole = true): TreeHash[] {
  if (m === all.length) return whole ? [] : [rootOf(all)];
  const k = split(all.length);
  return m <= k
    ? [...proof(m, all.slice(0, k), whole), rootOf(all.slice(k))]
    : [...proof(m - k, all.slice(k), false), rootOf(all.slice(0, k))];
}

describe("a Merkle tree", () => {
  it("has the roots of RFC 6962", () => {
    expect(toHex(EMPTY_ROOT)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(toHex(leafHash(new Uint8Array()))).toBe(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    const [a, b, c] = leaves(3) as [TreeHash, TreeHash, TreeHash];
    expect(toHex(rootOf([a, b, c]))).toBe(toHex(nodeHash(nodeHash(a, b), c)));
  });

  it("proves every entry of every small tree, and no other", () => {
    for (let size = 1; size <= 17; size++) {
      const all = leaves(size);
      const root = rootOf(all);
      for (let i = 0; i < size; i++) {
        const hashes = path(i, all);
        expect(verifyInclusion(all[i] as TreeHash, i, size, hashes, root)).toBe(true);
        for (let j = 0; j <= size; j++)
          if (j !== i) expect(verifyInclusion(all[i] as TreeHash, j, size, hashes, root)).toBe(false);
      }
    }
  });

  it("proves that each tree continues each smaller one", () => {
    for (let size = 1; size <= 17; size++) {
      const all = leaves(size);
      for (let first = 1; first <= size; first++) {
        const older = { size: first, root: rootOf(all.slice(0, first)) };
        const newer = { size, root: rootOf(all) };
        const hashes = proof(first, all);
        expect(verifyConsistency(older, newer, hashes)).toBe(true);
        expect(verifyConsistency({ ...older, root: leafHash(new Uint8Array([1])) }, newer, hashes)).toBe(
          false,
        );
        expect(verifyConsistency(older, newer, [...hashes, newer.root])).toBe(false);
        if (first < size) expect(verifyConsistency(newer, older, hashes)).toBe(false);
      }
    }
  });

  it("refuses a proof of which one bit is different", () => {
    const all = leaves(100);
    const root = rootOf(all);
    fc.assert(
      fc.property(fc.nat(99), fc.nat(6), fc.nat(31), fc.nat(7), (index, at, byte, bit) => {
        const hashes = path(index, all).map((hash) => Uint8Array.from(hash));
        const changed = hashes[at % hashes.length] as Uint8Array;
        changed[byte] = (changed[byte] as number) ^ (1 << bit);
        expect(verifyInclusion(all[index] as TreeHash, index, 100, hashes, root)).toBe(false);
      }),
    );
    expect(sameHash(root, root.subarray(1))).toBe(false);
  });
});

describe("what is no hash", () => {
  const all = leaves(5);
  const short = new Uint8Array(31);

  it("is in no tree and begins none, and makes nobody throw", () => {
    expect(verifyInclusion(short, 2, 5, path(2, all), rootOf(all))).toBe(false);
    expect(verifyConsistency({ size: 4, root: short }, { size: 5, root: rootOf(all) }, proof(4, all))).toBe(
      false,
    );
    expect(verifyConsistency({ size: 3, root: short }, { size: 5, root: rootOf(all) }, proof(3, all))).toBe(
      false,
    );
  });

  it("is no child of a node", () => {
    expect(() => nodeHash(short, leaves(1)[0] as TreeHash)).toThrow(RangeError);
  });
});
