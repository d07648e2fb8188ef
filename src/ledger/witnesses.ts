import type { Checkpoint } from "../format/checkpoint.ts";
import { CodedError } from "../format/coded-error.ts";
import type { TreeHash } from "../format/merkle.ts";

/** A checkpoint to be cosigned, and what its log can say about itself. */
export interface CosignRequest {
  readonly checkpoint: Checkpoint;
  /** The signed checkpoint's bytes: the log's signature and perhaps cosignatures. */
  readonly note: Uint8Array;
  /** Consistency proof between two of the log's own sizes (RFC 6962 section 2.1.2). */
  consistencyProof(oldSize: number, newSize: number): readonly TreeHash[] | Promise<readonly TreeHash[]>;
  /** Entries that the log has now: more than the checkpoint's when others went on meanwhile. */
  currentSize(): number | Promise<number>;
}

/** Why a witness did not cosign this time. */
export type Silence = "down" | "refused" | "superseded" | "wrong";

/** What came of asking the witnesses. */
export interface Cosigned {
  /** The signed note with every cosignature that holds, each of a configured witness. */
  readonly note: Uint8Array<ArrayBuffer>;
  /** Names of those who cosigned. */
  readonly by: readonly string[];
  /** Whether as many did as the workspace asks for. */
  readonly enough: boolean;
  /** The others, and why. */
  readonly missing: readonly { readonly name: string; readonly why: Silence; readonly detail: string }[];
}

/** The witnesses of a log. */
export interface Witnesses {
  readonly names: readonly string[];
  /**
   * Asks all of them to cosign. One that is down or wrong is only missing.
   *
   * @throws LineageError when one of them knows a log that is not this one.
   */
  cosign(request: CosignRequest): Promise<Cosigned>;
  /** Whether as many as the workspace asks for have cosigned a note already. Their signatures were verified when they came. */
  isEnough(note: Uint8Array): boolean;
}

/**
 * `LOG_RESTORED`: a witness cosigned a larger tree than this log ever had: the workspace was restored from a copy, or
 * another copy of it goes on. `LOG_FORKED`: the log is not the one that a witness cosigned: history was changed.
 */
export type LineageErrorCode = "LOG_RESTORED" | "LOG_FORKED";

/** Thrown when a witness knows another history. The log signs nothing more under its origin. */
export class LineageError extends CodedError<LineageErrorCode> {
  /** Name of the witness. */
  readonly witness: string;

  constructor(args: {
    readonly code: LineageErrorCode;
    readonly witness: string;
    readonly message: string;
    readonly hint?: string | undefined;
  }) {
    super(args);
    this.witness = args.witness;
  }
}
