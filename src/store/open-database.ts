import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../run/store-error.ts";
import { migrate } from "./schema.ts";
import { isBusy, storeFault, unavailable } from "./sqlite-fault.ts";

/**
 * Opens the database file, or makes it (mode 0600, its folder 0700), with everything synced before a commit
 * returns and with its schema up to date.
 *
 * @throws StoreError `STORE_READ_ONLY`, `STORE_FULL`, `STORE_CORRUPT`, `STORE_UNAVAILABLE`,
 *   `STORE_SCHEMA_UNSUPPORTED`.
 */
export function openDatabase(path: string, maxWaitMs: number): DatabaseSync {
  makePrivateFile(path);
  let db: DatabaseSync | undefined;
  // What rows leave behind where they stood is overwritten with zeros: retired bytes are to be gone.
  // Folding the log in costs as much as writing it again: every 16 MB, so that pages written often are folded once.
  const checkpointPages = 4000;
  try {
    db = new DatabaseSync(path, { timeout: 0, defensive: true });
    const opened = db;
    patiently(maxWaitMs, () => {
      opened.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA trusted_schema = OFF;
        PRAGMA cell_size_check = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA secure_delete = ON;
        PRAGMA cache_size = -16000;
        PRAGMA wal_autocheckpoint = ${checkpointPages};
      `);
      migrate(opened);
    });
    return opened;
  } catch (error) {
    db?.close();
    throw storeFault(error) ?? error;
  }
}

/**
 * Runs something synchronous again while another process is in its way, which for a read or on opening takes
 * an instant: a log being recovered or folded in.
 */
export function patiently<T>(maxWaitMs: number, action: () => T): T {
  const start = performance.now();
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - start > maxWaitMs) throw unavailable(error);
      Atomics.wait(sleeper, 0, 0, 2);
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function makePrivateFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new StoreError({
      code: full ? "STORE_FULL" : "STORE_READ_ONLY",
      message: full ? "the disk or a quota is full" : `the ledger \`${path}\` cannot be made or written`,
      hint: full
        ? "free space and run the same command again"
        : "give this user write permission on the folder",
      cause,
    });
  }
}
