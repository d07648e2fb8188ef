import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `DefinitionsError`. `NOT_FOUND`: no document of that name. `AMBIGUOUS`: two documents claim the same name.
 */
export type DefinitionsErrorCode = "NOT_FOUND" | "AMBIGUOUS";

/** Thrown when a workspace's folders do not hold what was asked for. */
export class DefinitionsError extends CodedError<DefinitionsErrorCode> {}
