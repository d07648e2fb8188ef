import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `LogError`. `LOG_RESTORED`: what was published is newer than the ledger, which is a backup or a copy.
 * `LOG_FORKED`: it is of another history. `LOG_OF_ANOTHER`: a folder or the workspace has the log of another origin or
 * key. All three end with a new origin, by a person. `LOG_BUSY`: another process integrates for too long.
 * `LOG_FOLDER`: the folder cannot be read or written.
 */
export type LogErrorCode = "LOG_RESTORED" | "LOG_FORKED" | "LOG_OF_ANOTHER" | "LOG_BUSY" | "LOG_FOLDER";

/** Thrown when a checkpoint cannot be made. Nothing was signed. */
export class LogError extends CodedError<LogErrorCode> {}
