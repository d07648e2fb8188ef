import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `EvidenceError`. `SECRET_TOO_SHORT`: a secret that cannot be told from chance; use a longer one.
 * `RESULT_UNMASKABLE`: masking a secret would break the result's own structure. `RESULT_TOO_LARGE`: no verifier would
 * read it.
 * `NO_RECIPIENTS`: the engagement names nobody to seal to. `IDENTITY_MALFORMED`: no age identity file.
 * `IDENTITY_UNFIT`: it was sealed to others. `SEALED_DAMAGED`: sealed bytes that do not authenticate, or not to their commitment.
 */
export type EvidenceErrorCode =
  | "SECRET_TOO_SHORT"
  | "RESULT_UNMASKABLE"
  | "RESULT_TOO_LARGE"
  | "NO_RECIPIENTS"
  | "IDENTITY_MALFORMED"
  | "IDENTITY_UNFIT"
  | "SEALED_DAMAGED";

/** Thrown by `evidence/` when nothing can be captured without giving away a secret, or nothing can be opened. */
export class EvidenceError extends CodedError<EvidenceErrorCode> {}
