import type { DatabaseSync } from "node:sqlite";
import type { LeaseOwner } from "../run/store.ts";
import { isGone, processIdentity } from "./process-identity.ts";

/** Leases; taking and giving back run inside a transaction. */
export interface Leases {
  /** True when the owner has the lease now: it was free, already its own, or its holder's process is gone. */
  acquire(name: string, owner: LeaseOwner): boolean;
  release(name: string, owner: LeaseOwner): void;
  /** Whether a process that is not gone has it. */
  held(name: string): boolean;
}

/** Prepares the statements of leases. */
export function prepareLeases(db: DatabaseSync): Leases {
  const find = db.prepare("SELECT pid, token, host, started FROM leases WHERE name = ?");
  const take = db.prepare(
    `INSERT INTO leases (name, pid, token, host, started) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET pid = excluded.pid, token = excluded.token, host = excluded.host,
      started = excluded.started`,
  );
  const drop = db.prepare("DELETE FROM leases WHERE name = ? AND pid = ? AND token = ?");

  function isFree(row: Record<string, unknown>): boolean {
    return isGone(row.pid as number, { host: row.host as string, started: row.started as string });
  }

  return {
    acquire(name, owner) {
      const row = find.get(name);
      if (row !== undefined) {
        if (row.pid === owner.pid && row.token === owner.token) return true;
        if (!isFree(row)) return false;
      }
      const { host, started } = processIdentity(owner.pid);
      take.run(name, owner.pid, owner.token, host, started);
      return true;
    },
    release(name, owner) {
      drop.run(name, owner.pid, owner.token);
    },
    held(name) {
      const row = find.get(name);
      return row !== undefined && !isFree(row);
    },
  };
}
