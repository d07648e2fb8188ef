import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `EvidenceError`. `SECRET_TOO_SHORT`: a secret that cannot be told from chance; use a longer one.
 * `RESULT_UNMASKABLE`: masking a secret would break the result's own structure.
 */
export type EvidenceErrorCode = "SECRET_TOO_SHORT" | "RESULT_UNMASKABLE";

/** Thrown by `evidence/` when nothing can be captured without giving away a secret. */
export class EvidenceError extends CodedError<EvidenceErrorCode> {}
