import type { Digest } from "../format/digest.ts";

/** Between which instants, in milliseconds since the epoch, somebody whom the reviewer trusts puts a receipt. */
export interface TimeBounds {
  /** By the witnessed checkpoint that it, or one before it in its chain, carries. */
  readonly notBefore: number | undefined;
  /** By the first cosignature or timestamp over it, or over one after it in its chain. */
  readonly notAfter: number | undefined;
}

/** Bounds of each receipt; a receipt that has none is the host's claim. */
export type TimeBoundsOf = (receipt: Digest) => TimeBounds;

/** Bounds where nobody but the host says when a receipt was made. */
export const unbounded: TimeBoundsOf = () => ({ notBefore: undefined, notAfter: undefined });
