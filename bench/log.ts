import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { logLeaf } from "../src/contract/log-entry.ts";
import { digestOf } from "../src/format/digest.ts";
import { verifyInclusion } from "../src/format/merkle.ts";
import type { LogFolder } from "../src/ledger/log-folder.ts";
import { LOG_LEASE } from "../src/ledger/log-store.ts";
import { makeCheckpoint } from "../src/ledger/make-checkpoint.ts";
import { proveInclusion } from "../src/ledger/tree-proof.ts";
import type { Store } from "../src/run/store.ts";
import { openLogFolder, tileNodes } from "../src/store/log-folder.ts";
import { openSqliteStore } from "../src/store/sqlite-store.ts";
import { logKey, logSigner } from "../test/fixtures/log-workspace.ts";
import { type Effort, type Figure, type Line, medianOf } from "./figure.ts";

/** Receipts between two checkpoints: about a second's under load. */
const BATCH = 10_000;
const PER_RUN = 12;
const LEASE = { pid: process.pid, token: "bench" };

/**
 * Receipts through the log: from committed to integrated, signed and published as synced files, with as many between
 * two checkpoints as a busy second has. At each size the same work again: it must not grow with the log.
 */
export async function benchLog(
  { quick }: Effort,
  sizes = quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000],
): Promise<Line[]> {
  await warmUp();
  const root = mkdtempSync(join(tmpdir(), "witnessops-bench-log-"));
  const path = join(root, "ledger.sqlite");
  const store = openSqliteStore(path);
  const folder = openLogFolder(join(root, "log"));
  try {
    await store.acquireLease(LOG_LEASE, LEASE);
    const lines: Line[] = [];
    const rates: number[] = [];
    let total = 0;
    for (const size of sizes) {
      // What leads up to the size is not measured.
      total = await grow(path, store, folder, total, size - total);
      const from = total;
      total = addReceipts(path, total, BATCH);
      const added = performance.now();
      await checkpoint(store, folder);
      const rate = (total - from) / ((performance.now() - added) / 1000);
      rates.push(rate);
      lines.push(
        figure(
          `logAppendsAt${size}`,
          `durable appends to a log of ${size.toLocaleString("en")}`,
          rate,
          "receipts/s",
          { atLeast: 10_000 },
        ),
      );
    }
    const floor = syncedAppends(join(root, "floor"), quick ? 50 : 300);
    lines.push({
      ...figure("logSyncedAppend", "floor: one synced append of an entry, alone", floor, "entries/s"),
      kind: "floor",
    });
    lines.push({
      ...figure("logFlat", "the largest log over the smallest", (rates.at(-1) ?? 0) / (rates[0] ?? 1), "×"),
      kind: "ratio",
    });
    lines.push(
      figure("logBytesPerEntry", "published files, per entry", bytesUnder(join(root, "log")) / total, "B"),
    );
    const millis = proofTimes(store, join(root, "log"), total);
    lines.push(
      figure(
        "logProofMs",
        `inclusion proof made and checked among ${total.toLocaleString("en")}`,
        millis,
        "ms",
        { atMost: 1 },
      ),
    );
    return lines;
  } finally {
    store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function figure(id: string, name: string, value: number, unit: string, target?: Figure["target"]): Figure {
  return { id, name, kind: "figure", value, unit, ...(target === undefined ? {} : { target }) };
}

async function grow(
  path: string,
  store: Store,
  folder: LogFolder,
  total: number,
  count: number,
): Promise<number> {
  if (count <= 0) return total;
  const grown = addReceipts(path, total, count);
  await checkpoint(store, folder);
  return grown;
}

/** The first batches compile: a log of their own. */
async function warmUp(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "witnessops-bench-log-"));
  const path = join(root, "ledger.sqlite");
  const store = openSqliteStore(path);
  try {
    await store.acquireLease(LOG_LEASE, LEASE);
    await grow(path, store, openLogFolder(join(root, "log")), 0, BATCH);
  } finally {
    store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function checkpoint(store: Store, folder: LogFolder): Promise<void> {
  const log = { key: logKey(), signer: logSigner, store: store.log, folders: [folder] };
  const head = await makeCheckpoint(log, LEASE);
  if (head === undefined || store.log.pending() > 0) throw new Error("the log was not made");
}

/** Receipts as committed runs leave them, written in one go: what a receipt costs is measured elsewhere. */
function addReceipts(path: string, total: number, count: number): number {
  const db = new DatabaseSync(path);
  const addStream = db.prepare(
    "INSERT INTO streams (stream, seq, digest) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, digest = excluded.digest",
  );
  const addReceipt = db.prepare(
    "INSERT INTO receipts (stream, seq, digest, event, payload, key_id, sig) VALUES (?, ?, ?, 'bench', x'00', 'k', x'00')",
  );
  db.exec("BEGIN");
  for (let i = total; i < total + count; i++) {
    const run = digestOf(`run ${Math.floor(i / PER_RUN)}`).slice(7, 23);
    const digest = digestOf(`receipt ${i}`);
    addStream.run(`run:${run}`, i % PER_RUN, digest);
    addReceipt.run(`run:${run}`, i % PER_RUN, digest);
  }
  db.exec("COMMIT");
  db.close();
  return total + count;
}

function syncedAppends(path: string, count: number): number {
  const file = openSync(path, "w");
  const entry = Buffer.alloc(150, 1);
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    writeSync(file, entry);
    fsyncSync(file);
  }
  closeSync(file);
  return count / ((performance.now() - began) / 1000);
}

function bytesUnder(root: string): number {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Median time of a proof, from the tile files to the checked root, in milliseconds. */
function proofTimes(store: Store, folder: string, total: number): number {
  const root = store.log.head(logKey().name)?.root ?? new Uint8Array();
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const index = Math.floor((total / 200) * i);
    const began = performance.now();
    const path = proveInclusion(index, total, tileNodes(folder, total));
    const [entry] = store.log.entries(index, index + 1);
    if (entry === undefined || !verifyInclusion(logLeaf(entry), index, total, path, root))
      throw new Error(`entry ${index} is not proved`);
    times.push(performance.now() - began);
  }
  return medianOf(times);
}
