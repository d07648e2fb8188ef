import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `VerifierError`: input that no verdict can be given about. `FAILURE_INPUT_MALFORMED`: the trust
 * file or the receipt file is not what it should be. `FAILURE_INPUT_UNSUPPORTED`: it is of a kind or
 * version that this verifier does not know.
 */
export type VerifierErrorCode = "FAILURE_INPUT_MALFORMED" | "FAILURE_INPUT_UNSUPPORTED";

/** Thrown when the input itself is unusable. What is wrong inside a bundle is reported, never thrown. */
export class VerifierError extends CodedError<VerifierErrorCode> {}
