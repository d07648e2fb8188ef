import { rootOf, type TreeHash } from "../format/merkle.ts";
import { rootFromTiles, TILE_WIDTH } from "../format/tile.ts";

/**
 * Reads complete nodes of a log's tree: those of a level from `from` up to and not including `to`, all within one tile.
 * Tile files answer it, and so does a database.
 */
export type ReadNodes = (level: number, from: number, to: number) => readonly TreeHash[];

/** Root of the first `size` entries. */
export function rootAt(size: number, read: ReadNodes): TreeHash {
  return rootFromTiles(size, ({ level, n, width }) => read(level, n * TILE_WIDTH, n * TILE_WIDTH + width));
}

/**
 * Inclusion proof of the entry at `index` in the tree of `size` entries: hashes from the leaf's sibling up (RFC 6962
 * section 2.1.1). @throws RangeError when there is no such entry.
 */
export function proveInclusion(index: number, size: number, read: ReadNodes): TreeHash[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new RangeError(`there is no entry ${index} among ${size}`);
  const path: TreeHash[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const split = start + splitOf(end - start);
    if (index < split) {
      path.unshift(hashOfRange(split, end, read));
      end = split;
    } else {
      path.unshift(hashOfRange(start, split, read));
      start = split;
    }
  }
  return path;
}

/**
 * Proof that the tree of `size` entries continues that of the first `first` (RFC 6962 section 2.1.2). Empty when they
 * are one size. @throws RangeError when `first` is 0 or more than `size`.
 */
export function proveConsistency(first: number, size: number, read: ReadNodes): TreeHash[] {
  if (!Number.isSafeInteger(first) || first < 1 || first > size)
    throw new RangeError(`a tree of ${size} continues none of ${first}`);
  const path: TreeHash[] = [];
  let [start, end] = [0, size];
  let known = true;
  while (first < end) {
    const split = start + splitOf(end - start);
    if (first <= split) {
      path.unshift(hashOfRange(split, end, read));
      end = split;
    } else {
      path.unshift(hashOfRange(start, split, read));
      start = split;
      // The verifier has the root of the whole first tree, and of no part of it.
      known = false;
    }
  }
  if (!known) path.unshift(hashOfRange(start, end, read));
  return path;
}

/** Hash over the entries of a range that is a node of the tree, or reaches to its right edge. */
function hashOfRange(start: number, end: number, read: ReadNodes): TreeHash {
  const parts: TreeHash[] = [];
  // Complete subtrees from the left, each the largest that is left: 2^h entries are 2^(h mod 8) nodes of one level.
  for (let at = start; at < end; ) {
    const size = largestPower(end - at);
    const level = Math.floor(Math.log2(size) / 8);
    const unit = TILE_WIDTH ** level;
    parts.push(rootOf(read(level, at / unit, (at + size) / unit)));
    at += size;
  }
  return parts.reduceRight((right, left) => rootOf([left, right]));
}

/** The largest power of two that is smaller than `count`. */
function splitOf(count: number): number {
  const power = largestPower(count);
  return power === count ? power / 2 : power;
}

/** The largest power of two that is not larger than `count`. */
function largestPower(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}
