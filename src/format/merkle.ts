import { sha256 } from "./crypto.ts";

/** A SHA-256 hash in a Merkle tree: 32 bytes. */
export type TreeHash = Uint8Array;

/** The hash of an empty tree: SHA-256 of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT: TreeHash = sha256(new Uint8Array());

/** Hash of a leaf: SHA-256 over 0x00 and the entry, a text in UTF-8 (RFC 6962 section 2.1). */
export function leafHash(entry: Uint8Array | string): TreeHash {
  if (typeof entry === "string") return sha256(`\0${entry}`);
  const bytes = new Uint8Array(1 + entry.length);
  bytes.set(entry, 1);
  return sha256(bytes);
}

/** What an inner node is hashed from, in one place: making room anew would cost more than the hash. */
const pair = new Uint8Array(65);
pair[0] = 1;

/** Hash of an inner node: SHA-256 over 0x01 and both children, of 32 bytes each (RFC 6962 section 2.1). */
export function nodeHash(left: TreeHash, right: TreeHash): TreeHash {
  if (left.length !== 32 || right.length !== 32) throw new RangeError("a hash has 32 bytes");
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

/** Root over leaf hashes, or over the hashes of complete subtrees of one height (RFC 6962 section 2.1). */
export function rootOf(hashes: readonly TreeHash[]): TreeHash {
  let row = hashes;
  if (row.length === 0) return EMPTY_ROOT;
  while (row.length > 1) {
    const next: TreeHash[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) {
      next.push(nodeHash(row[i] as TreeHash, row[i + 1] as TreeHash));
    }
    // The last of an odd row moves up as it is: its subtree is complete already.
    if (row.length % 2 === 1) next.push(row[row.length - 1] as TreeHash);
    row = next;
  }
  return row[0] as TreeHash;
}

/**
 * Whether a leaf is in a tree at an index (RFC 9162 section 2.1.3.2).
 *
 * @param size entries of the tree, at most 2^53 - 1.
 * @param proof hashes from the leaf's sibling up to below the root.
 */
export function verifyInclusion(
  leaf: TreeHash,
  index: number,
  size: number,
  proof: readonly TreeHash[],
  root: TreeHash,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size || leaf.length !== 32) return false;
  let fn = BigInt(index);
  let sn = BigInt(size - 1);
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0n || sibling.length !== 32) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      hash = nodeHash(sibling, hash);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else hash = nodeHash(hash, sibling);
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && sameHash(hash, root);
}

/**
 * Whether a tree continues a smaller one (RFC 9162 section 2.1.4.2). A tree continues itself, by an empty proof. Of an
 * empty tree nothing can be proved: that is false here, and the caller decides what it means.
 */
export function verifyConsistency(
  first: { readonly size: number; readonly root: TreeHash },
  second: { readonly size: number; readonly root: TreeHash },
  proof: readonly TreeHash[],
): boolean {
  if (!isCount(first.size) || !isCount(second.size) || first.size === 0 || first.size > second.size)
    return false;
  if (first.size === second.size) return proof.length === 0 && sameHash(first.root, second.root);
  if (proof.length === 0 || [first.root, ...proof].some((hash) => hash.length !== 32)) return false;
  let fn = BigInt(first.size - 1);
  let sn = BigInt(second.size - 1);
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  // A first size that is a power of two is itself where the path begins.
  const path = fn === 0n ? [first.root, ...proof] : proof;
  let fr = path[0] as TreeHash;
  let sr = fr;
  for (const hash of path.slice(1)) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      fr = nodeHash(hash, fr);
      sr = nodeHash(hash, sr);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else sr = nodeHash(sr, hash);
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && sameHash(fr, first.root) && sameHash(sr, second.root);
}

/** Whether two hashes are the same 32 bytes. */
export function sameHash(a: TreeHash, b: TreeHash): boolean {
  if (a.length !== 32 || b.length !== 32) return false;
  for (let i = 0; i < 32; i++) if (a[i] !== b[i]) return false;
  return true;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
