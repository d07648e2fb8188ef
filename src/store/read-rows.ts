import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Artifact } from "../contract/artifact.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { deepFreeze } from "../format/json.ts";
import type {
  ArtifactRow,
  DispatchRow,
  Head,
  RunRow,
  Store,
  StoredReceipt,
  TimestampRow,
} from "../run/store.ts";
import { damagedRow, isDocumentIntact, isReceiptIntact } from "./check-digest.ts";

type Row = Record<string, SQLOutputValue>;
/** The reading half of a store. */
export type Reads = Pick<
  Store,
  | "head"
  | "receipts"
  | "receipt"
  | "streams"
  | "dispatches"
  | "document"
  | "artifacts"
  | "blob"
  | "consumed"
  | "run"
  | "runs"
  | "timestamps"
  | "unstamped"
  | "status"
  | "statuses"
>;

const RECEIPT = "SELECT stream, seq, digest, event, payload, key_id, sig FROM receipts";

/**
 * Prepares the reads of a store. Each takes its rows whole: no read stays open and holds up a checkpoint. Receipts,
 * documents and blobs are compared with their digests: nobody acts on a damaged row.
 */
export function prepareReads(db: DatabaseSync): Reads {
  const head = db.prepare("SELECT seq, digest FROM streams WHERE stream = ?");
  const receipts = db.prepare(`${RECEIPT} WHERE stream = ? AND seq >= ? ORDER BY seq`);
  const receipt = db.prepare(`${RECEIPT} WHERE digest = ?`);
  const streams = db.prepare("SELECT stream FROM streams WHERE stream >= ? ORDER BY stream");
  const dispatches = db.prepare("SELECT * FROM dispatches WHERE run = ? ORDER BY ord");
  const document = db.prepare("SELECT bytes FROM documents WHERE digest = ?");
  const blob = db.prepare("SELECT bytes FROM blobs WHERE digest = ?");
  const artifacts = db.prepare("SELECT * FROM artifacts WHERE run = ? ORDER BY ord");
  const consumed = db.prepare("SELECT invocation FROM consumed WHERE approval = ?");
  const run = db.prepare("SELECT * FROM runs WHERE run = ?");
  const runs = db.prepare("SELECT * FROM runs ORDER BY ord");
  const openRuns = db.prepare("SELECT * FROM runs WHERE closed IS NULL ORDER BY ord");
  const timestamps = db.prepare("SELECT * FROM timestamps WHERE receipt = ? ORDER BY authority");
  const unstamped = db.prepare(`
    SELECT ends.receipt FROM (
      SELECT ord, 1 AS place, closed AS receipt FROM runs WHERE closed IS NOT NULL
      UNION ALL SELECT ord, 0, opened FROM runs
    ) AS ends
    WHERE NOT EXISTS (SELECT 1 FROM timestamps WHERE receipt = ends.receipt AND authority = ?)
    ORDER BY ord DESC, place DESC LIMIT ?
  `);
  const status = db.prepare("SELECT status FROM statuses WHERE subject = ?");
  const statuses = db.prepare("SELECT subject, status FROM statuses ORDER BY subject");

  return {
    head(stream) {
      const row = head.get(stream);
      return row && Object.freeze<Head>({ seq: row.seq as number, digest: row.digest as Digest });
    },
    receipts: (stream, fromSeq = 0) => receipts.all(stream, fromSeq).map(intactReceipt),
    receipt(digest) {
      const row = receipt.get(digest);
      return row && intactReceipt(row);
    },
    streams(prefix) {
      const names: string[] = [];
      for (const { stream } of streams.all(prefix)) {
        // Names that start with the prefix follow one another; the first that does not ends them.
        if (!(stream as string).startsWith(prefix)) break;
        names.push(stream as string);
      }
      return names;
    },
    dispatches: (run) => dispatches.all(run).map(dispatchOf),
    document(digest) {
      const bytes = document.get(digest)?.bytes as Uint8Array | undefined;
      if (bytes !== undefined && !isDocumentIntact(digest, bytes)) throw damagedRow(`document \`${digest}\``);
      return bytes;
    },
    blob(digest) {
      const bytes = blob.get(digest)?.bytes as Uint8Array | undefined;
      if (bytes !== undefined && digestOf(bytes) !== digest) throw damagedRow(`artifact \`${digest}\``);
      return bytes;
    },
    artifacts: (run) => artifacts.all(run).map(artifactOf),
    consumed: (approval) => consumed.get(approval)?.invocation as string | undefined,
    run(id) {
      const row = run.get(id);
      return row && runOf(row);
    },
    runs: ({ openOnly = false } = {}) => (openOnly ? openRuns : runs).all().map(runOf),
    timestamps: (receipt) => timestamps.all(receipt).map(timestampOf),
    unstamped: (authority, limit = -1) => unstamped.all(authority, limit).map((row) => row.receipt as Digest),
    status: (subject) => status.get(subject)?.status as string | undefined,
    statuses: () =>
      statuses
        .all()
        .map((row) => Object.freeze({ subject: row.subject as string, status: row.status as string })),
  };
}

function intactReceipt(row: Row): StoredReceipt {
  const receipt = receiptOf(row);
  if (isReceiptIntact(receipt)) return receipt;
  throw damagedRow(`receipt ${receipt.seq} of \`${receipt.stream}\``);
}

/** A row of `receipts`, whatever its bytes are. */
export function receiptOf(row: Row): StoredReceipt {
  return Object.freeze({
    stream: row.stream as string,
    seq: row.seq as number,
    digest: row.digest as Digest,
    event: row.event as string,
    payload: row.payload as Uint8Array,
    keyId: row.key_id as string,
    sig: row.sig as Uint8Array,
  });
}

function runOf(row: Row): RunRow {
  return Object.freeze({
    run: row.run as string,
    document: row.document as Digest,
    opened: row.opened as Digest,
    closed: (row.closed ?? undefined) as Digest | undefined,
  });
}

function timestampOf(row: Row): TimestampRow {
  return Object.freeze({
    receipt: row.receipt as Digest,
    authority: row.authority as string,
    token: row.token as Uint8Array,
    at: row.at as string,
  });
}

function dispatchOf(row: Row): DispatchRow {
  return Object.freeze({
    run: row.run as string,
    invocation: row.invocation as string,
    attempt: row.attempt as number,
    actionDigest: row.action_digest as Digest,
    gateRecord: row.gate_record as Digest,
    idempotencyKey: row.idempotency_key as string,
    owner: row.owner as string,
    at: row.at as string,
    ...(row.ended === null ? {} : { ended: deepFreeze(JSON.parse(row.ended as string) as AttemptFact) }),
  });
}

function artifactOf(row: Row): ArtifactRow {
  return Object.freeze({
    run: row.run as string,
    invocation: row.invocation as string,
    attempt: row.attempt as number,
    artifact: deepFreeze(JSON.parse(row.artifact as string) as Artifact),
  });
}
