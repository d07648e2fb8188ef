import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LastCosigned, WitnessRecord } from "../ledger/decide-cosignature.ts";
import { StoreError } from "../run/store-error.ts";
import { storeFault } from "./sqlite-fault.ts";

/** Marks the file in SQLite's header (`PRAGMA application_id`): "WOpw". */
const APPLICATION_ID = 0x574f7077;
const VERSION = 1;
/** Forks that are kept of one log: one is proof, and none may fill the disk. */
const MAX_FORKS = 100;
/** How long a request waits for another process of the same witness. */
const MAX_WAIT_MS = 5_000;

/**
 * Opens what a witness remembers. Each decision is synced before it returns.
 *
 * @param options.create makes it where there is none (mode 0600, its folder 0700). Without it an empty file is refused:
 *   a witness that forgot everything would cosign another history.
 * @throws StoreError; `STORE_CORRUPT` for an empty or damaged file.
 */
export function openWitnessRecord(
  path: string,
  { create = false }: { readonly create?: boolean } = {},
): WitnessRecord {
  if (create) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  }
  return faulted(() => {
    const db = new DatabaseSync(path, { timeout: MAX_WAIT_MS, defensive: true });
    try {
      prepareFile(db, create);
      return recordIn(db);
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function prepareFile(db: DatabaseSync, create: boolean): void {
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;");
  db.exec("BEGIN IMMEDIATE");
  const id = db.prepare("PRAGMA application_id").get()?.application_id;
  const version = db.prepare("PRAGMA user_version").get()?.user_version;
  if (id === 0 && version === 0) {
    if (!create) throw damaged();
    db.exec(`
      CREATE TABLE cosigned (
        origin TEXT PRIMARY KEY,
        size INTEGER NOT NULL CHECK (size >= 0),
        root BLOB NOT NULL CHECK (length(root) = 32),
        time INTEGER NOT NULL,
        note BLOB NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE forks (
        origin TEXT NOT NULL,
        size INTEGER NOT NULL,
        root BLOB NOT NULL,
        note BLOB NOT NULL,
        PRIMARY KEY (origin, size, root)
      ) STRICT, WITHOUT ROWID;
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${VERSION};
    `);
  } else if (id !== APPLICATION_ID || version !== VERSION) {
    throw new StoreError({
      code: "STORE_SCHEMA_UNSUPPORTED",
      message: "this is no record of a witness that this version can read",
      hint: "name the folder that `witnessops log witness --make` made",
    });
  }
  db.exec("COMMIT");
  if (db.prepare("PRAGMA quick_check(1)").get()?.quick_check !== "ok") throw damaged();
}

function damaged(): StoreError {
  return new StoreError({
    code: "STORE_CORRUPT",
    message: "the record of what this witness cosigned is empty or damaged",
    hint: "keep the file as it is, and make another witness with another name: this one can no longer say what it has seen",
  });
}

function recordIn(db: DatabaseSync): WitnessRecord {
  const find = db.prepare("SELECT size, root, time FROM cosigned WHERE origin = ?");
  const put = db.prepare(
    `INSERT INTO cosigned (origin, size, root, time, note) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET size = excluded.size, root = excluded.root, time = excluded.time, note = excluded.note`,
  );
  const countForks = db.prepare("SELECT count(*) AS n FROM forks WHERE origin = ?");
  const addFork = db.prepare(
    "INSERT INTO forks (origin, size, root, note) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const all = db.prepare("SELECT origin, size, root, time FROM cosigned ORDER BY origin");
  const allForks = db.prepare("SELECT origin, size, note FROM forks ORDER BY origin, size");
  return {
    decide: ({ origin, size, root }, note, decision) =>
      faulted(() => {
        db.exec("BEGIN IMMEDIATE");
        try {
          const last = find.get(origin) as LastCosigned | undefined;
          const made = decision(last);
          // Asked again within the second, it is recorded as it would be.
          if (made.kind === "cosign" && (last?.size !== size || last.time !== made.time))
            put.run(origin, size, root, made.time, note);
          if (made.kind === "conflict" && made.fork && Number(countForks.get(origin)?.n) < MAX_FORKS)
            addFork.run(origin, size, root, note);
          db.exec("COMMIT");
          return made;
        } catch (error) {
          if (db.isTransaction) db.exec("ROLLBACK");
          throw error;
        }
      }),
    last: () => faulted(() => all.all() as unknown as (LastCosigned & { origin: string })[]),
    forks: () =>
      faulted(() => allForks.all() as unknown as { origin: string; size: number; note: Uint8Array }[]),
    close: () => db.close(),
  };
}

function faulted<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw storeFault(error) ?? error;
  }
}
