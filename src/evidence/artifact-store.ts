import type { Digest } from "../format/digest.ts";

/**
 * Where artifacts go that are too large for the database, addressed by digest. Drivers live in `store/`;
 * their faults are the store's errors.
 */
export interface ArtifactFiles {
  /** Starts a file that nobody sees until it is kept. */
  begin(): Promise<PendingFile>;
  /** The bytes of an artifact in chunks. Throws when it is missing, or at the end when its digest is not its own. */
  read(digest: Digest): AsyncIterable<Uint8Array>;
  has(digest: Digest): Promise<boolean>;
  /** Every file that is kept. */
  list(): AsyncIterable<Digest>;
  /** Removes an artifact's file, if there is one, durably. Synchronous: it happens inside a transaction of the database. */
  remove(digest: Digest): void;
  /** Removes what processes that are gone left unfinished; resolves to how many files. */
  sweep(): Promise<number>;
}

/** A file being written. Each one ends in `keep` or `drop`. */
export interface PendingFile {
  /** Appends bytes, which may not change until it resolves. One write at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it durable under the digest of its bytes. */
  keep(digest: Digest): Promise<void>;
  /** Removes it; never throws. */
  drop(): Promise<void>;
}
