import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../run/store-error.ts";
import { isBusy, storeFault, unavailable } from "./sqlite-fault.ts";

/** Work inside a transaction. It may be run again, so it changes nothing but the database. */
type Work = () => unknown;

interface Waiting {
  readonly work: Work;
  /** Rough size of what it writes, in bytes. */
  readonly weight: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions {
  /** How long one waits for another process before giving up, in milliseconds. */
  readonly maxWaitMs: number;
  /** Most pieces of work in one transaction. */
  readonly maxBatch: number;
  /** Most bytes in one transaction; a single larger piece goes alone. */
  readonly maxBatchBytes: number;
}

export interface GroupCommit {
  /** Runs `work` in a transaction that others may share, and resolves once it is durable. */
  enqueue<T>(work: () => T, weight: number): Promise<T>;
  /** Commits what waits and refuses what comes after. */
  close(): void;
}

/**
 * Lets concurrent commits share one sync. What was queued in a turn of the event loop is written
 * synchronously in the next, one transaction per batch; a worker thread would buy nothing, since SQLite
 * waits for the disk either way and the queue grows meanwhile. When another process holds the database the
 * batch is tried again a little later, without blocking this process.
 */
export function startGroupCommit(db: DatabaseSync, options: GroupCommitOptions): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const queue: Waiting[] = [];
  let scheduled = false;
  let closed = false;
  let busySince: number | undefined;

  function schedule(delayMs?: number): void {
    if (scheduled) return;
    scheduled = true;
    if (delayMs === undefined) setImmediate(drain);
    else setTimeout(drain, delayMs);
  }

  function drain(): void {
    scheduled = false;
    if (queue.length === 0 || closed) return;
    const batch = takeBatch();
    try {
      commitBatch(batch);
      busySince = undefined;
    } catch (error) {
      if (isBusy(error)) {
        waitForOther(batch, error);
        return;
      }
      busySince = undefined;
      const fault = storeFault(error) ?? error;
      for (const waiting of batch) waiting.reject(fault);
    }
    if (queue.length > 0) schedule();
  }

  function takeBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const waiting of queue) {
      bytes += waiting.weight;
      if (count > 0 && (count >= options.maxBatch || bytes > options.maxBatchBytes)) break;
      count++;
    }
    return queue.splice(0, count);
  }

  function waitForOther(batch: Waiting[], error: unknown): void {
    const now = performance.now();
    busySince ??= now;
    if (now - busySince >= options.maxWaitMs) {
      busySince = undefined;
      for (const waiting of batch) waiting.reject(unavailable(error));
      if (queue.length > 0) schedule();
      return;
    }
    queue.unshift(...batch);
    // A transaction takes a millisecond or a few: asking rarely would leave the database idle in between.
    schedule(1);
  }

  /** Writes a batch. Throws when the database is at fault: then none of the batch was recorded. */
  function commitBatch(batch: readonly Waiting[]): void {
    let rest = batch;
    while (rest.length > 0) {
      const values: unknown[] = [];
      begin.run();
      try {
        for (const waiting of rest) values.push(waiting.work());
        commit.run();
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        const failed = rest[values.length];
        if (failed === undefined || storeFault(error) !== undefined) throw error;
        // The one piece is at fault, not the database: the others are written again without it.
        failed.reject(error);
        rest = rest.filter((waiting) => waiting !== failed);
        continue;
      }
      rest.forEach((waiting, i) => {
        waiting.resolve(values[i]);
      });
      return;
    }
  }

  return {
    enqueue<T>(work: () => T, weight: number): Promise<T> {
      if (closed) return Promise.reject(closedError());
      return new Promise<T>((resolve, reject) => {
        queue.push({ work, weight, resolve: (value) => resolve(value as T), reject });
        schedule();
      });
    },
    close() {
      if (closed) return;
      while (queue.length > 0) {
        const batch = takeBatch();
        try {
          commitBatch(batch);
        } catch (error) {
          const fault = storeFault(error) ?? error;
          for (const waiting of [...batch, ...queue.splice(0)]) waiting.reject(fault);
        }
      }
      closed = true;
    },
  };
}

function closedError(): StoreError {
  return new StoreError({
    code: "STORE_UNAVAILABLE",
    message: "the ledger was closed",
    hint: "run the command again",
  });
}
