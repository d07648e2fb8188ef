import type { DatabaseSync } from "node:sqlite";
import { canonicalJson } from "../format/canonical-json.ts";
import type { Change, CommitResult, DispatchRow, Head } from "../run/store.ts";

type Conflict = Extract<CommitResult, { ok: false }>["conflict"];

/**
 * Prepares the statements of a change and returns the action that applies one inside a transaction. It
 * looks for every conflict before it writes anything, which the transaction's write lock makes safe, so a
 * refused change needs no undoing while others share its transaction.
 */
export function prepareChange(db: DatabaseSync): (change: Change) => CommitResult {
  const head = db.prepare("SELECT seq, digest FROM streams WHERE stream = ?");
  const addStream = db.prepare("INSERT INTO streams (stream, seq, digest) VALUES (?, ?, ?)");
  const moveStream = db.prepare(
    "UPDATE streams SET seq = ?, digest = ? WHERE stream = ? AND seq = ? AND digest = ?",
  );
  const addReceipt = db.prepare(
    "INSERT INTO receipts (stream, seq, digest, event, payload, key_id, sig) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const findDispatch = db.prepare(
    "SELECT ended FROM dispatches WHERE run = ? AND invocation = ? AND attempt = ?",
  );
  const addDispatch = db.prepare(
    `INSERT INTO dispatches
      (run, invocation, attempt, action_digest, gate_record, idempotency_key, owner, at, ended)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const endDispatch = db.prepare(
    "UPDATE dispatches SET ended = ? WHERE run = ? AND invocation = ? AND attempt = ?",
  );
  const addDocument = db.prepare(
    "INSERT INTO documents (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const addBlob = db.prepare("INSERT INTO blobs (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING");
  const addArtifact = db.prepare(
    "INSERT INTO artifacts (run, invocation, attempt, artifact) VALUES (?, ?, ?, ?)",
  );
  const findConsumed = db.prepare("SELECT invocation FROM consumed WHERE approval = ?");
  const addConsumed = db.prepare(
    "INSERT INTO consumed (approval, invocation) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const countDispatches = db.prepare("SELECT count(*) AS n FROM dispatches WHERE run = ?");
  const findRun = db.prepare("SELECT closed FROM runs WHERE run = ?");
  const addRun = db.prepare("INSERT INTO runs (run, document, opened) VALUES (?, ?, ?)");
  const endRun = db.prepare("UPDATE runs SET closed = ? WHERE run = ?");
  const setStatus = db.prepare(
    "INSERT INTO statuses (subject, status) VALUES (?, ?) ON CONFLICT DO UPDATE SET status = excluded.status",
  );
  const addTimestamp = db.prepare(
    "INSERT INTO timestamps (receipt, authority, token, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );

  function headOf(stream: string): Head | undefined {
    return head.get(stream) as Head | undefined;
  }

  function conflictOf(change: Change): Conflict | undefined {
    if (change.fence !== undefined) {
      if (!sameHead(headOf(change.fence.stream), change.fence.head)) return "fence";
      if (Number(countDispatches.get(change.fence.run)?.n) !== change.fence.dispatches) return "fence";
    }
    if (headConflict(change)) return "head";
    const { endAttempt, dispatch } = change;
    if (endAttempt !== undefined) {
      const row = findDispatch.get(endAttempt.run, endAttempt.invocation, endAttempt.attempt);
      if (row === undefined) return "dispatch";
      if (row.ended !== null && row.ended !== canonicalJson(endAttempt.ended)) return "dispatch";
    }
    if (dispatch !== undefined) {
      const row = findDispatch.get(dispatch.run, dispatch.invocation, dispatch.attempt);
      if (row !== undefined) return "dispatch";
    }
    if (consumeConflict(change)) return "approval-consumed";
    const { openRun, closeRun } = change;
    if (openRun !== undefined && findRun.get(openRun.run) !== undefined) return "run";
    if (closeRun !== undefined && closeRun.run !== openRun?.run) {
      const row = findRun.get(closeRun.run);
      if (row === undefined || row.closed !== null) return "run";
    }
    return undefined;
  }

  /** Receipts of one change may follow one another in a stream. */
  function headConflict(change: Change): boolean {
    const moved = new Map<string, Head>();
    for (const { receipt, expectedHead } of change.append ?? []) {
      const current = moved.get(receipt.stream) ?? headOf(receipt.stream);
      if (!sameHead(current, expectedHead)) return true;
      if (receipt.seq !== (expectedHead === undefined ? 0 : expectedHead.seq + 1)) {
        throw new RangeError(`receipt ${receipt.seq} of \`${receipt.stream}\` does not follow its head`);
      }
      moved.set(receipt.stream, receipt);
    }
    return false;
  }

  function consumeConflict(change: Change): boolean {
    const taken = new Map<string, unknown>();
    for (const { approval, invocation } of change.consume ?? []) {
      const by = taken.get(approval) ?? findConsumed.get(approval)?.invocation;
      if (by !== undefined && by !== invocation) return true;
      taken.set(approval, invocation);
    }
    return false;
  }

  function write(change: Change): void {
    for (const { receipt, expectedHead } of change.append ?? []) {
      const { stream, seq, digest, event, payload, keyId, sig } = receipt;
      if (expectedHead === undefined) addStream.run(stream, seq, digest);
      else if (moveStream.run(seq, digest, stream, expectedHead.seq, expectedHead.digest).changes !== 1) {
        throw new Error(`the head of \`${stream}\` moved inside a transaction`);
      }
      addReceipt.run(stream, seq, digest, event, payload, keyId, sig);
    }
    if (change.endAttempt !== undefined) {
      const { run, invocation, attempt, ended } = change.endAttempt;
      endDispatch.run(canonicalJson(ended), run, invocation, attempt);
    }
    if (change.dispatch !== undefined) writeDispatch(change.dispatch);
    for (const { digest, bytes } of change.documents ?? []) addDocument.run(digest, bytes);
    for (const { digest, bytes } of change.blobs ?? []) addBlob.run(digest, bytes);
    for (const row of change.artifacts ?? []) {
      addArtifact.run(row.run, row.invocation, row.attempt, canonicalJson(row.artifact));
    }
    for (const { approval, invocation } of change.consume ?? []) addConsumed.run(approval, invocation);
    if (change.openRun !== undefined) {
      addRun.run(change.openRun.run, change.openRun.document, change.openRun.opened);
    }
    if (change.closeRun !== undefined) endRun.run(change.closeRun.closed, change.closeRun.run);
    for (const { subject, status } of change.status ?? []) setStatus.run(subject, status);
    for (const { receipt, authority, token, at } of change.timestamps ?? [])
      addTimestamp.run(receipt, authority, token, at);
  }

  function writeDispatch(row: DispatchRow): void {
    addDispatch.run(
      row.run,
      row.invocation,
      row.attempt,
      row.actionDigest,
      row.gateRecord,
      row.idempotencyKey,
      row.owner,
      row.at,
      row.ended === undefined ? null : canonicalJson(row.ended),
    );
  }

  return (change) => {
    const conflict = conflictOf(change);
    if (conflict !== undefined) return { ok: false, conflict };
    write(change);
    return { ok: true };
  };
}

/** Rough size of what a change writes, in bytes: for cutting batches. */
export function weightOf(change: Change): number {
  let bytes = 1000;
  for (const { receipt } of change.append ?? []) bytes += receipt.payload.length;
  for (const document of change.documents ?? []) bytes += document.bytes.length;
  for (const blob of change.blobs ?? []) bytes += blob.bytes.length;
  for (const { token } of change.timestamps ?? []) bytes += token.length;
  return bytes;
}

function sameHead(a: Head | undefined, b: Head | undefined): boolean {
  return a?.seq === b?.seq && a?.digest === b?.digest;
}
