import type { DatabaseSync } from "node:sqlite";
import { type LogEntry, logLeaf } from "../contract/log-entry.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import { rootOf, sameHash, type TreeHash } from "../format/merkle.ts";
import { TILE_WIDTH } from "../format/tile.ts";
import { LogError } from "../ledger/log-error.ts";
import { LOG_LEASE, type LogLease, type LogStore, type TreeHead } from "../ledger/log-store.ts";
import { rootAt } from "../ledger/tree-proof.ts";
import { StoreError } from "../run/store-error.ts";

/** The log's statements; those that write run inside a transaction. */
export interface LogTables extends Omit<LogStore, "integrate" | "keepSigned"> {
  integrate(
    origin: string,
    lease: LogLease,
    limit: number,
  ): { readonly head: TreeHead; readonly more: boolean } | undefined;
  keepSigned(...given: Parameters<LogStore["keepSigned"]>): void;
}

/**
 * Prepares the statements of the transparency log. Receipts get their indexes in the order of their rows, which is the
 * order in which they were committed: one process writes at a time.
 */
export function prepareLog(db: DatabaseSync): LogTables {
  const size = db.prepare("SELECT max(idx) + 1 AS n FROM log_entries");
  const last = db.prepare(
    `SELECT r.rowid AS row FROM log_entries e JOIN receipts r ON r.stream = e.stream AND r.seq = e.seq
      WHERE e.idx = (SELECT max(idx) FROM log_entries)`,
  );
  const count = db.prepare("SELECT count(*) AS n FROM receipts WHERE rowid > ?");
  const pending = db.prepare(
    "SELECT stream, seq, digest FROM receipts WHERE rowid > ? ORDER BY rowid LIMIT ?",
  );
  const lease = db.prepare("SELECT 1 FROM leases WHERE name = ? AND pid = ? AND token = ?");
  const addEntry = db.prepare("INSERT INTO log_entries (idx, stream, seq, receipt) VALUES (?, ?, ?, ?)");
  const addNode = db.prepare("INSERT INTO log_nodes (level, n, hash) VALUES (?, ?, ?)");
  const addHead = db.prepare("INSERT INTO log_heads (origin, size, root) VALUES (?, ?, ?)");
  const entries = db.prepare(
    "SELECT stream, seq, receipt FROM log_entries WHERE idx >= ? AND idx < ? ORDER BY idx",
  );
  const nodes = db.prepare("SELECT hash FROM log_nodes WHERE level = ? AND n >= ? AND n < ? ORDER BY n");
  const indexes = db.prepare("SELECT seq, idx FROM log_entries WHERE stream = ? ORDER BY seq");
  const findHead = db.prepare("SELECT root FROM log_heads WHERE origin = ? AND size = ?");
  const head = db.prepare("SELECT size, root FROM log_heads WHERE origin = ? ORDER BY size DESC LIMIT 1");
  const heads = db.prepare("SELECT size, root FROM log_heads WHERE origin = ? ORDER BY size");
  const signed = db.prepare(
    `SELECT checkpoint FROM log_heads WHERE origin = ? AND checkpoint IS NOT NULL AND cosigned >= ?
      ORDER BY size DESC LIMIT 1`,
  );
  const sign = db.prepare("UPDATE log_heads SET checkpoint = ?, cosigned = ? WHERE origin = ? AND size = ?");

  const sizeNow = (): number => Number(size.get()?.n ?? 0);

  /** Row of the last receipt that has an index; 0 when none has. */
  function lastRow(): number {
    const row = last.get()?.row;
    if (row !== undefined) return Number(row);
    if (sizeNow() === 0) return 0;
    throw damaged("the receipt of its last entry is missing");
  }

  function readEntries(from: number, to: number): LogEntry[] {
    const rows = entries.all(from, to);
    if (rows.length !== to - from) throw damaged(`it lacks entries from ${from} to ${to}`);
    return rows.map(({ stream, seq, receipt }) => ({
      receipt: `sha256:${Buffer.from(receipt as Uint8Array).toString("hex")}`,
      stream: stream as string,
      seq: seq as number,
    }));
  }

  function readNodes(level: number, from: number, to: number): readonly TreeHash[] {
    if (level === 0) return readEntries(from, to).map(logLeaf);
    const rows = nodes.all(level, from, to);
    if (rows.length !== to - from) throw damaged(`it lacks nodes ${from} to ${to} of level ${level}`);
    return rows.map(({ hash }) => hash as Uint8Array);
  }

  /** Adds what the last entries complete: the node of a full tile, and the nodes above it. */
  function complete(n: number, leaves: readonly TreeHash[]): void {
    let hash = rootOf(leaves);
    for (let [level, at] = [1, n]; ; level++) {
      addNode.run(level, at, hash);
      if ((at + 1) % TILE_WIDTH !== 0) return;
      hash = rootOf(readNodes(level, at + 1 - TILE_WIDTH, at + 1));
      at = Math.floor(at / TILE_WIDTH);
    }
  }

  return {
    size: sizeNow,
    pending: () => Number(count.get(lastRow())?.n),
    integrate(origin, { pid, token }, limit) {
      if (lease.get(LOG_LEASE, pid, token) === undefined) return undefined;
      const first = sizeNow();
      const rows = pending.all(lastRow(), limit + 1);
      const taken = rows.slice(0, limit);
      const tile = first - (first % TILE_WIDTH);
      let leaves = taken.length === 0 ? [] : [...readNodes(0, tile, first)];
      for (const [i, row] of taken.entries()) {
        const entry = { receipt: row.digest as Digest, stream: row.stream as string, seq: row.seq as number };
        addEntry.run(first + i, entry.stream, entry.seq, Buffer.from(hexOf(entry.receipt), "hex"));
        leaves.push(logLeaf(entry));
        if (leaves.length < TILE_WIDTH) continue;
        complete(Math.floor((first + i) / TILE_WIDTH), leaves);
        leaves = [];
      }
      const total = first + taken.length;
      const partial = leaves;
      const isRight = (level: number, from: number): boolean =>
        level === 0 && from === total - (total % TILE_WIDTH);
      const root = rootAt(total, (level, from, to) =>
        taken.length > 0 && isRight(level, from) ? partial : readNodes(level, from, to),
      );
      const known = total === 0 ? root : (findHead.get(origin, total)?.root as Uint8Array | undefined);
      if (known === undefined) addHead.run(origin, total, root);
      else if (!sameHash(known, root)) throw forked(origin, total);
      return { head: { size: total, root }, more: rows.length > limit };
    },
    nodes: readNodes,
    entries: readEntries,
    indexes(stream) {
      const rows = indexes.all(stream);
      if (rows.some(({ seq }, i) => seq !== i)) throw damaged(`it lacks a receipt of \`${stream}\``);
      return rows.map(({ idx }) => idx as number);
    },
    head: (origin) => headOf(head.get(origin)),
    heads: (origin) => heads.all(origin).flatMap((row) => headOf(row) ?? []),
    signed: (origin, { cosigned = false } = {}) =>
      signed.get(origin, cosigned ? 1 : 0)?.checkpoint as Uint8Array | undefined,
    keepSigned(origin, at, checkpoint, { cosigned = false } = {}) {
      if (sign.run(checkpoint, cosigned ? 1 : 0, origin, at).changes !== 1)
        throw new RangeError(`no head of \`${origin}\` at ${at} was committed`);
    },
  };
}

function headOf(row: Record<string, unknown> | undefined): TreeHead | undefined {
  return row && Object.freeze({ size: row.size as number, root: row.root as Uint8Array });
}

function damaged(what: string): StoreError {
  return new StoreError({
    code: "STORE_CORRUPT",
    message: `the ledger's log is damaged: ${what}`,
    hint: "keep the file as it is and run `witnessops log audit`",
  });
}

function forked(origin: string, size: number): LogError {
  return new LogError({
    code: "LOG_FORKED",
    message: `the log \`${origin}\` has another root at ${size} entries than its entries give now`,
    hint: "keep the file as it is and run `witnessops log audit`",
  });
}
