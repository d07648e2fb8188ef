import type { AddCheckpoint } from "../format/add-checkpoint.ts";
import type { Checkpoint } from "../format/checkpoint.ts";
import { EMPTY_ROOT, sameHash, type TreeHash, verifyConsistency } from "../format/merkle.ts";

/** The checkpoint of a log that a witness cosigned last. */
export interface LastCosigned {
  readonly size: number;
  readonly root: TreeHash;
  /** When, in seconds since the epoch. */
  readonly time: number;
}

/** What a witness answers a log whose checkpoint is signed by it. */
export type CosignDecision =
  /** Cosigned with that time, in seconds since the epoch, once it is recorded. */
  | { readonly kind: "cosign"; readonly time: number }
  /** The log does not know what was cosigned last; `fork` when it has another root of that very size. */
  | { readonly kind: "conflict"; readonly size: number; readonly fork: boolean }
  | { readonly kind: "inconsistent" }
  /** The witness's clock is behind what it signed: it says nothing until the clock is right. */
  | { readonly kind: "clock-backwards" };

/**
 * Whether a witness cosigns (C2SP tlog-witness, `add-checkpoint`; `spec/witness.md`). The request's old size is not above
 * the checkpoint's, and the log's signature holds.
 *
 * @param now seconds since the epoch.
 */
export function decideCosignature(
  { oldSize, proof }: Pick<AddCheckpoint, "oldSize" | "proof">,
  checkpoint: Checkpoint,
  last: LastCosigned | undefined,
  now: number,
): CosignDecision {
  const known = last ?? { size: 0, root: EMPTY_ROOT, time: 0 };
  if (oldSize !== known.size) return { kind: "conflict", size: known.size, fork: false };
  if (oldSize === checkpoint.size && !sameHash(known.root, checkpoint.root))
    return { kind: "conflict", size: known.size, fork: oldSize > 0 };
  const continues =
    oldSize === 0 || oldSize === checkpoint.size
      ? proof.length === 0
      : verifyConsistency(known, checkpoint, proof);
  if (!continues) return { kind: "inconsistent" };
  if (now < known.time) return { kind: "clock-backwards" };
  return { kind: "cosign", time: now };
}

/** What a witness remembers of its logs. */
export interface WitnessRecord {
  /**
   * Decides about a checkpoint in one transaction with what was cosigned last. Where the decision is to cosign, the
   * checkpoint is the last one now, on stable storage; a fork is kept as proof. Two at once, from whatever processes,
   * are decided one after the other.
   *
   * @param note the signed checkpoint's bytes.
   */
  decide(
    checkpoint: Checkpoint,
    note: Uint8Array,
    decision: (last: LastCosigned | undefined) => CosignDecision,
  ): CosignDecision;
  /** The last checkpoint of each log, by origin. */
  last(): readonly (LastCosigned & { readonly origin: string })[];
  /** Signed checkpoints that fork from what was cosigned. */
  forks(): readonly { readonly origin: string; readonly size: number; readonly note: Uint8Array }[];
  close(): void;
}
