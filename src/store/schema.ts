import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../run/store-error.ts";

/** Marks the file as ours in SQLite's header (`PRAGMA application_id`): "WOps". */
const APPLICATION_ID = 0x574f7073;

/**
 * Every change of the schema since the first, in order; `PRAGMA user_version` counts those that a file has.
 * Appended to, never edited.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE streams (
    stream TEXT PRIMARY KEY,
    seq INTEGER NOT NULL CHECK (seq >= 0),
    digest TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE receipts (
    stream TEXT NOT NULL REFERENCES streams (stream),
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    payload BLOB NOT NULL,
    key_id TEXT NOT NULL,
    sig BLOB NOT NULL,
    UNIQUE (stream, seq)
  ) STRICT;

  CREATE TABLE dispatches (
    ord INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    invocation TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    action_digest TEXT NOT NULL,
    gate_record TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    owner TEXT NOT NULL,
    at TEXT NOT NULL,
    ended TEXT,
    UNIQUE (run, invocation, attempt)
  ) STRICT;

  CREATE TABLE documents (digest TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE blobs (digest TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE artifacts (
    ord INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    invocation TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    artifact TEXT NOT NULL
  ) STRICT;
  CREATE INDEX artifacts_by_run ON artifacts (run);

  CREATE TABLE consumed (approval TEXT PRIMARY KEY, invocation TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE runs (
    ord INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    opened TEXT NOT NULL,
    closed TEXT
  ) STRICT;
  CREATE INDEX open_runs ON runs (ord) WHERE closed IS NULL;

  CREATE TABLE statuses (subject TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    token TEXT NOT NULL,
    host TEXT NOT NULL,
    started TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // The transparency log: which receipt has which index, nodes above the leaves, one root for each size.
  `
  CREATE TABLE log_entries (
    idx INTEGER PRIMARY KEY CHECK (idx >= 0),
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    receipt BLOB NOT NULL CHECK (length(receipt) = 32),
    UNIQUE (stream, seq)
  ) STRICT;

  CREATE TABLE log_nodes (
    level INTEGER NOT NULL CHECK (level >= 1),
    n INTEGER NOT NULL CHECK (n >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, n)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE log_heads (
    origin TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 1),
    root BLOB NOT NULL CHECK (length(root) = 32),
    checkpoint BLOB,
    cosigned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (origin, size)
  ) STRICT, WITHOUT ROWID;
  `,
  // Tokens of time stamping authorities: beside the ledger, not in it.
  `
  CREATE TABLE timestamps (
    receipt TEXT NOT NULL REFERENCES receipts (digest),
    authority TEXT NOT NULL,
    token BLOB NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (receipt, authority)
  ) STRICT;
  `,
];

/**
 * Brings a file's schema up to date, in one transaction; two processes may try at once.
 *
 * @throws StoreError `STORE_SCHEMA_UNSUPPORTED` for a file made by a newer version, `STORE_CORRUPT` for
 *   another application's database. Errors of SQLite pass through.
 */
export function migrate(db: DatabaseSync): void {
  if (versionOf(db) === migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db);
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(db: DatabaseSync): number {
  const version = pragma(db, "user_version");
  const tables = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n);
  if (tables > 0 && pragma(db, "application_id") !== APPLICATION_ID) {
    throw new StoreError({
      code: "STORE_CORRUPT",
      message: "the file is a database of another application",
      hint: "name a ledger that `witnessops init` made",
    });
  }
  if (version > migrations.length) {
    throw new StoreError({
      code: "STORE_SCHEMA_UNSUPPORTED",
      message: `the ledger has schema ${version}, this version knows ${migrations.length}`,
      hint: "use the version of witnessops that made it, or a newer one",
    });
  }
  return version;
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
