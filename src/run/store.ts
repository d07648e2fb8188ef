import type { Artifact } from "../contract/artifact.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import type { Digest } from "../format/digest.ts";
import type { LogStore } from "../ledger/log-store.ts";

/**
 * What the governed path needs from a database. Drivers (SQLite now) implement it and pass
 * `src/run/store-conformance.ts`; they never know each other.
 */
export interface Store {
  /**
   * Commits one change, all of it or nothing, durably (synced) before it resolves. Concurrent calls may
   * share one sync (group commit) but each stands alone: a conflict of one leaves the others committed.
   *
   * @throws StoreError `STORE_FULL`, `STORE_READ_ONLY`, `STORE_CORRUPT`, `STORE_UNAVAILABLE`.
   */
  commit(change: Change): Promise<CommitResult>;
  /** Head of a stream, or undefined when it has no receipts. */
  head(stream: string): Head | undefined;
  /** Receipts of a stream in order, from `fromSeq` (inclusive). */
  receipts(stream: string, fromSeq?: number): StoredReceipt[];
  receipt(digest: Digest): StoredReceipt | undefined;
  /** Streams whose name starts with `prefix`, sorted. */
  streams(prefix: string): string[];
  /** Dispatch rows of a run in the order they were committed. */
  dispatches(run: string): DispatchRow[];
  /** A pinned document's bytes (definitions, gate records, envelopes). */
  document(digest: Digest): Uint8Array | undefined;
  /** Artifacts of a run, or of all, in order of capture. */
  artifacts(run: string): ArtifactRow[];
  /** Inline bytes of a small artifact; undefined when it lives in a file or is unknown. */
  blob(digest: Digest): Uint8Array | undefined;
  /** Approvals already consumed: digest → invocation. */
  consumed(approval: Digest): string | undefined;
  /** A run's index row, or undefined. */
  run(run: string): RunRow | undefined;
  /** Index rows of all runs in the order they were opened; `openOnly` leaves out the closed ones. */
  runs(options?: { openOnly?: boolean }): RunRow[];
  /** Tokens over a receipt's signature, one for each authority, in the order of their names. */
  timestamps(receipt: Digest): TimestampRow[];
  /**
   * Receipts that opened or closed a run and have no token of the authority, newest run first.
   *
   * @param limit how many at most; default: all.
   */
  unstamped(authority: string, limit?: number): Digest[];
  /** Live status rows by subject, e.g. `engagement:acme` → `halted`. */
  status(subject: string): string | undefined;
  /** All status rows, sorted by subject. */
  statuses(): { subject: string; status: string }[];
  /** Takes a lease that no living process holds; false when another has it. Used for issuer keys. */
  acquireLease(name: string, owner: LeaseOwner): Promise<boolean>;
  releaseLease(name: string, owner: LeaseOwner): Promise<void>;
  /** Whether a living process holds the lease. */
  leaseHeld(name: string): boolean;
  /** The transparency log's half. */
  readonly log: LogStore;
  /** Re-reads every row and checks its digests. Returns one line per fault. */
  checkIntegrity(): string[];
  close(): void;
}

export interface LeaseOwner {
  readonly pid: number;
  readonly token: string;
}

/** Index of a run, derivable from its `run-opened` and `run-closed` receipts. */
export interface RunRow {
  readonly run: string;
  /** Digest of the run document. */
  readonly document: Digest;
  /** Digest of the `run-opened` receipt. */
  readonly opened: Digest;
  /** Digest of the `run-closed` receipt; undefined while the run is open. */
  readonly closed: Digest | undefined;
}

export interface Head {
  readonly seq: number;
  readonly digest: Digest;
}

/** A sealed receipt as it is stored: statement bytes and signature; the bundle is rendered on export. */
export interface StoredReceipt {
  readonly stream: string;
  readonly seq: number;
  readonly digest: Digest;
  readonly event: string;
  /** Canonical JSON of the in-toto statement: the DSSE payload. */
  readonly payload: Uint8Array;
  readonly keyId: string;
  readonly sig: Uint8Array;
}

/** The durable record made before an attempt leaves the process. */
export interface DispatchRow {
  readonly run: string;
  readonly invocation: string;
  readonly attempt: number;
  readonly actionDigest: Digest;
  /** Digest of the gate record; its bytes are in the same row's document. */
  readonly gateRecord: Digest;
  readonly idempotencyKey: string;
  /** Lease name of the process that dispatched; once no living process holds it, the attempt is in doubt. */
  readonly owner: string;
  readonly at: string;
  /** How the attempt ended, when a later attempt followed it; the last one's end is in the receipt. */
  readonly ended?: AttemptFact;
}

/** A time-stamp token beside a receipt; no part of the ledger, which cannot change any more when it comes. */
export interface TimestampRow {
  readonly receipt: Digest;
  /** Name of the authority in the workspace. */
  readonly authority: string;
  /** TimeStampResp, DER. */
  readonly token: Uint8Array;
  /** When it was kept, by the host's clock. */
  readonly at: string;
}

export interface ArtifactRow {
  readonly run: string;
  readonly invocation: string;
  readonly attempt: number;
  readonly artifact: Artifact;
}

export interface Change {
  /** Receipts to append. `expectedHead` is the head they were chained to; undefined for a new stream. */
  readonly append?: readonly { receipt: StoredReceipt; expectedHead: Head | undefined }[];
  readonly dispatch?: DispatchRow;
  /** Ends the named attempt before its successor is dispatched. */
  readonly endAttempt?: { run: string; invocation: string; attempt: number; ended: AttemptFact };
  readonly documents?: readonly { digest: Digest; bytes: Uint8Array }[];
  readonly blobs?: readonly { digest: Digest; bytes: Uint8Array }[];
  readonly artifacts?: readonly ArtifactRow[];
  /** Unique approval → invocation; the same pair again is no conflict. */
  readonly consume?: readonly { approval: Digest; invocation: string }[];
  readonly openRun?: { run: string; document: Digest; opened: Digest };
  readonly closeRun?: { run: string; closed: Digest };
  readonly status?: readonly { subject: string; status: string }[];
  /** Of one receipt and authority the first is kept. */
  readonly timestamps?: readonly TimestampRow[];
  /**
   * Fails the change when the run has moved since the decision was made: its stream has another head, or
   * another number of dispatches.
   */
  readonly fence?: { run: string; stream: string; head: Head | undefined; dispatches: number };
}

export type CommitResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly conflict: "head" | "fence" | "dispatch" | "approval-consumed" | "run" };
