import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `StoreError`. All mean: nothing was recorded, so nothing may be executed.
 * `STORE_FULL`: free space and run again. `STORE_READ_ONLY`: fix permissions. `STORE_CORRUPT`: stop, keep
 * the file, run `witnessops doctor`. `STORE_UNAVAILABLE`: another process holds it for too long.
 * `STORE_SCHEMA_UNSUPPORTED`: made by a newer version.
 */
export type StoreErrorCode =
  | "STORE_FULL"
  | "STORE_READ_ONLY"
  | "STORE_CORRUPT"
  | "STORE_UNAVAILABLE"
  | "STORE_SCHEMA_UNSUPPORTED";

/** Thrown by store drivers. */
export class StoreError extends CodedError<StoreErrorCode> {}
