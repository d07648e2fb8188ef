import type { Store } from "../run/store.ts";
import { checkLedger } from "./check-ledger.ts";
import { startGroupCommit } from "./group-commit.ts";
import { prepareLeases } from "./lease.ts";
import { openDatabase, patiently } from "./open-database.ts";
import { prepareReads, type Reads } from "./read-rows.ts";
import { storeFault } from "./sqlite-fault.ts";
import { prepareLog } from "./sqlite-log.ts";
import { prepareChange, weightOf } from "./write-change.ts";

export interface SqliteStoreOptions {
  /** How long one waits for another process before `STORE_UNAVAILABLE`, in milliseconds. Default 10,000. */
  readonly maxWaitMs?: number;
  /** Most changes that share one sync. Default 256. */
  readonly maxBatch?: number;
  /** Most bytes that share one sync. Default 8 MiB. */
  readonly maxBatchBytes?: number;
}

/**
 * Opens the embedded store: one SQLite file in write-ahead mode, synced on every commit, shared by several
 * processes at once. A missing file is made, readable by its owner only.
 *
 * @throws StoreError as `Store.commit`, and `STORE_SCHEMA_UNSUPPORTED` for a file of a newer version.
 */
export function openSqliteStore(
  path: string,
  { maxWaitMs = 10_000, maxBatch = 256, maxBatchBytes = 8 * 1024 * 1024 }: SqliteStoreOptions = {},
): Store {
  const db = openDatabase(path, maxWaitMs);
  const group = startGroupCommit(db, { maxWaitMs, maxBatch, maxBatchBytes });
  const apply = prepareChange(db);
  const leases = prepareLeases(db);
  const reads = prepareReads(db);
  const log = prepareLog(db);

  /** Reads wait for an instant when another process recovers the file, and speak the store's errors. */
  function read<T>(action: () => T): T {
    try {
      return patiently(maxWaitMs, action);
    } catch (error) {
      throw storeFault(error) ?? error;
    }
  }

  const guarded: Reads = {
    head: (stream) => read(() => reads.head(stream)),
    receipts: (stream, fromSeq) => read(() => reads.receipts(stream, fromSeq)),
    receipt: (digest) => read(() => reads.receipt(digest)),
    streams: (prefix) => read(() => reads.streams(prefix)),
    dispatches: (run) => read(() => reads.dispatches(run)),
    document: (digest) => read(() => reads.document(digest)),
    artifacts: (run) => read(() => reads.artifacts(run)),
    blob: (digest) => read(() => reads.blob(digest)),
    consumed: (approval) => read(() => reads.consumed(approval)),
    run: (run) => read(() => reads.run(run)),
    runs: (options) => read(() => reads.runs(options)),
    timestamps: (receipt) => read(() => reads.timestamps(receipt)),
    unstamped: (authority, limit) => read(() => reads.unstamped(authority, limit)),
    status: (subject) => read(() => reads.status(subject)),
    statuses: () => read(() => reads.statuses()),
  };

  return {
    ...guarded,
    // Async, so that a malformed change rejects and never throws.
    commit: async (change) => group.enqueue(() => apply(change), weightOf(change)),
    acquireLease: (name, owner) => group.enqueue(() => leases.acquire(name, owner), 100),
    releaseLease: (name, owner) => group.enqueue(() => leases.release(name, owner), 100),
    leaseHeld: (name) => read(() => leases.held(name)),
    log: {
      size: () => read(() => log.size()),
      pending: () => read(() => log.pending()),
      nodes: (level, from, to) => read(() => log.nodes(level, from, to)),
      entries: (from, to) => read(() => log.entries(from, to)),
      indexes: (stream) => read(() => log.indexes(stream)),
      head: (origin) => read(() => log.head(origin)),
      heads: (origin) => read(() => log.heads(origin)),
      signed: (origin, options) => read(() => log.signed(origin, options)),
      // What a batch writes is not counted: it goes alone, as large as it is.
      integrate: (origin, lease, limit) =>
        group.enqueue(() => log.integrate(origin, lease, limit), maxBatchBytes),
      keepSigned: (...given) => group.enqueue(() => log.keepSigned(...given), 1000),
    },
    checkIntegrity: () => read(() => checkLedger(db)),
    close() {
      group.close();
      if (db.isOpen) db.close();
    },
  };
}
