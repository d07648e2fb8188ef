import { StoreError } from "../run/store-error.ts";

// Primary result codes (sqlite.org/rescode.html): the low byte of the extended code.
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
/** Extended codes of IOERR that a full disk or a quota causes: WRITE, SHMSIZE. */
const NO_ROOM = new Set([778, 4874]);
/** `SQLITE_IOERR_CORRUPTFS`: the file system says that its own structure is damaged. */
const CORRUPTFS = 8458;

/** Whether another connection holds what was asked for; asking again later can succeed. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

/**
 * The store's error for an error of SQLite, or undefined when the database is fine and the statement was
 * not (a constraint, a wrong type).
 */
export function storeFault(error: unknown): StoreError | undefined {
  if (error instanceof StoreError) return error;
  const code = resultCode(error);
  if (code === undefined) return undefined;
  switch (code & 0xff) {
    case FULL:
      return full(error);
    case IOERR:
      if (NO_ROOM.has(code)) return full(error);
      if (code === CORRUPTFS) return corrupt(error);
      return new StoreError({
        code: "STORE_UNAVAILABLE",
        message: "the ledger's disk reported an input or output error",
        hint: "check the disk, then run `witnessops doctor`",
        cause: error,
      });
    case READONLY:
    case CANTOPEN:
      return new StoreError({
        code: "STORE_READ_ONLY",
        message: "the ledger cannot be written",
        hint: "give this user write permission on the workspace's `.witnessops` folder and its files",
        cause: error,
      });
    case CORRUPT:
    case NOTADB:
      return corrupt(error);
    case BUSY:
    case LOCKED:
      return unavailable(error);
    default:
      return undefined;
  }
}

/** The store's error when another process held the ledger for longer than one waits. */
export function unavailable(cause?: unknown): StoreError {
  return new StoreError({
    code: "STORE_UNAVAILABLE",
    message: "another process has held the ledger for too long",
    hint: "wait for it or end it, then run the same command again",
    cause,
  });
}

function full(cause: unknown): StoreError {
  return new StoreError({
    code: "STORE_FULL",
    message: "the ledger could not be written: the disk or a quota is full",
    hint: "free space, then run the command again or go on with `witnessops run resume <run>`; whatever was sent is recorded",
    cause,
  });
}

function corrupt(cause: unknown): StoreError {
  return new StoreError({
    code: "STORE_CORRUPT",
    message: "the ledger is damaged or is not a ledger",
    hint: "keep the file as it is and run `witnessops doctor`",
    cause,
  });
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
