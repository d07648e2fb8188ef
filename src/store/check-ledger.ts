import type { DatabaseSync } from "node:sqlite";
import { parseJson } from "../format/canonical-json.ts";
import { digestOf } from "../format/digest.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import type { StoredReceipt } from "../run/store.ts";
import { isDocumentIntact, isReceiptIntact } from "./check-digest.ts";
import { receiptOf } from "./read-rows.ts";
import { ZEROED } from "./remove-bytes.ts";
import { storeFault } from "./sqlite-fault.ts";

/**
 * Re-reads every row: SQLite's own structure, each receipt's digest and place in its chain, the digests of
 * documents and inline artifacts, and what rows refer to. Returns one line per fault. Signatures are the
 * verifier's business.
 */
export function checkLedger(db: DatabaseSync): string[] {
  return [
    checkDatabase,
    checkReceipts,
    checkHeads,
    (from: DatabaseSync) => checkBytes(from, "documents"),
    (from: DatabaseSync) => checkBytes(from, "blobs"),
    checkReferences,
  ].flatMap((check) => {
    try {
      return check(db);
    } catch (error) {
      const fault = storeFault(error);
      if (fault?.code !== "STORE_CORRUPT") throw error;
      return [`database: ${error instanceof Error ? error.message : fault.message}`];
    }
  });
}

function checkDatabase(db: DatabaseSync): string[] {
  const faults: string[] = [];
  for (const { integrity_check: line } of db.prepare("PRAGMA integrity_check").iterate()) {
    if (line !== "ok") faults.push(`database: ${line}`);
  }
  for (const row of db.prepare("PRAGMA foreign_key_check").iterate()) {
    faults.push(`database: a row of \`${row.table}\` refers to nothing`);
  }
  return faults;
}

function checkReceipts(db: DatabaseSync): string[] {
  const faults: string[] = [];
  const opened = db.prepare("SELECT 1 FROM receipts WHERE digest = ? AND event = 'run-opened'");
  let previous: StoredReceipt | undefined;
  for (const row of db.prepare("SELECT * FROM receipts ORDER BY stream, seq").iterate()) {
    const receipt = receiptOf(row);
    const before: StoredReceipt | undefined = previous?.stream === receipt.stream ? previous : undefined;
    const name = `receipt ${receipt.seq} of \`${receipt.stream}\``;
    if (!isReceiptIntact(receipt)) faults.push(`${name}: its bytes do not have its digest`);
    if (receipt.seq !== (before === undefined ? 0 : before.seq + 1))
      faults.push(`${name}: one before it is missing`);
    const link = linkOf(receipt.payload);
    if (link === undefined) faults.push(`${name}: it is not a receipt`);
    else if (link.stream !== receipt.stream || link.seq !== receipt.seq || link.event !== receipt.event) {
      faults.push(`${name}: it was signed for another place`);
    } else if (before !== undefined || !receipt.stream.startsWith("run:")) {
      if (link.prevHash !== (before?.digest ?? null))
        faults.push(`${name}: it does not follow the one before it`);
    } else if (typeof link.prevHash !== "string" || opened.get(link.prevHash) === undefined) {
      faults.push(`${name}: it does not follow a run-opened receipt`);
    }
    previous = receipt;
  }
  return faults;
}

function checkHeads(db: DatabaseSync): string[] {
  const stray = db.prepare(`
    SELECT s.stream FROM streams s LEFT JOIN receipts r ON r.stream = s.stream AND r.seq = s.seq
    WHERE r.digest IS NOT s.digest
       OR s.seq <> (SELECT max(seq) FROM receipts WHERE receipts.stream = s.stream)
    ORDER BY s.stream`);
  return stray.all().map((row) => `stream \`${row.stream}\`: its head is not its last receipt`);
}

function checkBytes(db: DatabaseSync, table: "documents" | "blobs"): string[] {
  const faults: string[] = [];
  for (const row of db.prepare(`SELECT digest, bytes FROM ${table} ORDER BY rowid`).iterate()) {
    const bytes = row.bytes as Uint8Array;
    const digest = row.digest as string;
    if (digest.startsWith(ZEROED) && bytes.every((byte) => byte === 0)) continue;
    if (table === "documents" ? isDocumentIntact(digest, bytes) : digestOf(bytes) === digest) continue;
    faults.push(`${table} \`${row.digest}\`: its bytes do not have its digest`);
  }
  return faults;
}

function checkReferences(db: DatabaseSync): string[] {
  const faults: string[] = [];
  const lost = db.prepare(`
    SELECT invocation, attempt FROM dispatches d
    WHERE NOT EXISTS (SELECT 1 FROM documents WHERE digest = d.gate_record) ORDER BY ord`);
  for (const row of lost.iterate()) {
    faults.push(`dispatch ${row.attempt} of \`${row.invocation}\`: its gate record is missing`);
  }
  for (const row of db
    .prepare("SELECT ended, invocation FROM dispatches WHERE ended IS NOT NULL")
    .iterate()) {
    if (!isJson(row.ended)) faults.push(`dispatch of \`${row.invocation}\`: how it ended is not readable`);
  }
  for (const row of db.prepare("SELECT artifact, invocation FROM artifacts").iterate()) {
    if (!isJson(row.artifact)) faults.push(`artifact of \`${row.invocation}\`: its metadata is not readable`);
  }
  return faults;
}

function isJson(text: unknown): boolean {
  try {
    return isJsonObject(JSON.parse(String(text)));
  } catch {
    return false;
  }
}

function linkOf(payload: Uint8Array): { [member: string]: Json | undefined } | undefined {
  let statement: Json;
  try {
    statement = parseJson(payload);
  } catch {
    return undefined;
  }
  const predicate = isJsonObject(statement) ? statement.predicate : undefined;
  if (!isJsonObject(predicate) || !isJsonObject(predicate.ledger)) return undefined;
  return { ...predicate.ledger, event: predicate.event };
}
