import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `SignerError`. `AGENT_ABSENT`: no ssh-agent answers. `AGENT_FAILED`: it broke off, took too long, or its answer is
 * none. `AGENT_KEY_UNKNOWN`: it has no such key. `AGENT_REFUSED`: it did not sign. `COMMAND_FAILED`: the signing command
 * did not start, ended with an error, took too long or said too much. `SIGNATURE_WRONG`: what came back is no signature by
 * the declared key.
 */
export type SignerErrorCode =
  | "AGENT_ABSENT"
  | "AGENT_FAILED"
  | "AGENT_KEY_UNKNOWN"
  | "AGENT_REFUSED"
  | "COMMAND_FAILED"
  | "SIGNATURE_WRONG";

/** Thrown when a key that is held outside of the process does not sign. */
export class SignerError extends CodedError<SignerErrorCode> {}
