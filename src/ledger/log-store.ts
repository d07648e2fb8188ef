import type { LogEntry } from "../contract/log-entry.ts";
import type { TreeHash } from "../format/merkle.ts";
import type { ReadNodes } from "./tree-proof.ts";

/** A size of the log and the root over so many entries. */
export interface TreeHead {
  readonly size: number;
  readonly root: TreeHash;
}

/** Who integrates: the holder of the lease `log`. */
export interface LogLease {
  readonly pid: number;
  readonly token: string;
}

/** Name of the lease of the one process that gives out indexes. */
export const LOG_LEASE = "log";

/** What the transparency log needs from a database: entries with dense indexes, and one root for each size. */
export interface LogStore {
  /** Entries that have an index. */
  size(): number;
  /** Receipts that have none yet. */
  pending(): number;
  /**
   * Gives indexes to receipts that have none, in the order in which they were committed, and commits the root of the
   * tree they make as the only one that this origin will ever have at that size. One transaction, synced.
   *
   * @param limit most receipts to take.
   * @returns the head, and whether receipts are left; undefined when the lease is another's now.
   * @throws StoreError as `Store.commit`; LogError `LOG_FORKED` when the origin has another root at that size.
   */
  integrate(
    origin: string,
    lease: LogLease,
    limit: number,
  ): Promise<{ readonly head: TreeHead; readonly more: boolean } | undefined>;
  /** Nodes of the tree: leaves are hashed again from their entries. */
  readonly nodes: ReadNodes;
  /** Entries from `from` up to and not including `to`. */
  entries(from: number, to: number): LogEntry[];
  /** Indexes of a stream's receipts, by their `seq` from 0; those without an index are not among them. */
  indexes(stream: string): number[];
  /** The largest head of an origin that was committed. */
  head(origin: string): TreeHead | undefined;
  /** Every head of an origin that was committed, by size. */
  heads(origin: string): TreeHead[];
  /** The signed checkpoint of the largest head that has one; `cosigned`: by a witness too. */
  signed(origin: string, options?: { readonly cosigned?: boolean }): Uint8Array | undefined;
  /**
   * Keeps the signed checkpoint of a head that was committed, in place of one with fewer signatures.
   *
   * @param options.cosigned whether a witness signed it. Default false.
   */
  keepSigned(
    origin: string,
    size: number,
    checkpoint: Uint8Array,
    options?: { readonly cosigned?: boolean },
  ): Promise<void>;
}
