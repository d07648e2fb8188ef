import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../format/digest.ts";

/** Leases of processes that capture bytes outside of any attempt begin like this. */
export const CAPTURING = "capturing:";

/** What stands in a digest's place where bytes were overwritten with zeros: as long as `sha256:`, so that the row stays where it is. */
export const ZEROED = "zeroed:";

/** Removing the bytes of retired artifacts; everything that writes runs inside a transaction. */
export interface Removal {
  retired(artifact: string): boolean;
  pending(): Digest[];
  dispatchCount(): number;
  /** Names of the leases of those who capture. */
  capturing(): string[];
  /** False when an attempt began meanwhile: its bytes may be these. True when they are removed, or needed by others. */
  remove(digest: Digest, dispatches: number, removeFile: () => void): boolean;
  settle(digest: Digest): void;
  /** Folds the write-ahead log in and empties it; false while another process reads from it. */
  truncateLog(): boolean;
}

/** Prepares the statements of removal. */
export function prepareRemoval(db: DatabaseSync): Removal {
  const find = db.prepare("SELECT 1 FROM retired WHERE artifact = ?");
  const pending = db.prepare("SELECT DISTINCT digest FROM retired WHERE removed = 0 ORDER BY digest");
  const count = db.prepare("SELECT count(*) AS n FROM dispatches");
  const leases = db.prepare("SELECT name FROM leases WHERE name >= ? AND name < ?");
  const needed = db.prepare(
    `SELECT 1 FROM artifacts WHERE artifact ->> '$.digest' = ?
      AND artifact ->> '$.id' NOT IN (SELECT artifact FROM retired) LIMIT 1`,
  );
  // Overwritten where they are. Deleting the row would let SQLite move its neighbours, and leave copies of them behind
  // that nobody finds again when these are retired.
  const zeroBlob = db.prepare(
    `UPDATE blobs SET bytes = zeroblob(length(bytes)), digest = '${ZEROED}' || lower(hex(randomblob(32)))
      WHERE digest = ?`,
  );
  const settle = db.prepare("UPDATE retired SET removed = 1 WHERE digest = ?");
  const dispatchCount = (): number => Number(count.get()?.n);

  return {
    retired: (artifact) => find.get(artifact) !== undefined,
    pending: () => pending.all().map(({ digest }) => digest as Digest),
    dispatchCount,
    capturing: () => leases.all(CAPTURING, `${CAPTURING}~`).map(({ name }) => name as string),
    remove(digest, dispatches, removeFile) {
      if (dispatchCount() !== dispatches) return false;
      if (needed.get(digest) !== undefined) return true;
      zeroBlob.run(digest);
      removeFile();
      return true;
    },
    settle: (digest) => void settle.run(digest),
    truncateLog: () => db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0,
  };
}
