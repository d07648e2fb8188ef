import { Client } from "pg";
import { noPostgres, startPostgres } from "../postgres-server.ts";
import type { LiveSystem } from "./live-system.ts";

/** PostgreSQL over TLS, with a role, a table, and a session that ends by `postgresql.terminate-session`. */
export const postgresql: LiveSystem = {
  name: "PostgreSQL (Debian), with TLS",
  contracts: [
    "postgresql.databases",
    "postgresql.grants",
    "postgresql.hba-rules",
    "postgresql.roles",
    "postgresql.sessions",
    "postgresql.settings",
    "postgresql.terminate-session",
  ],
  missing: () => noPostgres,
  async start() {
    const server = await startPostgres();
    const { user, password, port } = server;
    const to = { host: "127.0.0.1", port, database: "postgres", ssl: { ca: server.certificate } };
    const owner = new Client({ ...to, user, password });
    await owner.connect();
    await owner.query("CREATE ROLE open LOGIN VALID UNTIL '2030-01-01T00:00:00Z'");
    await owner.query("CREATE TABLE host (name text)");
    await owner.query("GRANT SELECT ON host TO open WITH GRANT OPTION");
    const session = new Client({ ...to, user: "open", application_name: "till" });
    // It is ended from outside, which is the point.
    session.on("error", () => undefined);
    await session.connect();
    const found = await owner.query<{ pid: number; at: string }>(
      `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
       FROM pg_stat_activity WHERE usename = 'open'`,
    );
    const { pid, at: startedAt } = found.rows[0] ?? {};
    await owner.end();
    if (pid === undefined || startedAt === undefined) throw new Error("the session is not there");
    const at = { host: "127.0.0.1", port, user };
    const seen = { pid, role: "open", database: "postgres", application: "till", address: "127.0.0.1" };
    return {
      network: { extraCa: server.certificate },
      secrets: { "env:POSTGRESQL_PASSWORD": password },
      async close() {
        await session.end();
        await server.close();
      },
      calls: {
        "postgresql.databases": { inputs: at, outputs: { count: 3, openToAll: ["postgres", "template1"] } },
        "postgresql.grants": {
          inputs: { ...at, role: "open" },
          outputs: {
            grants: [
              { schema: "public", table: "host", privilege: "SELECT", grantable: true, grantor: user },
            ],
            tables: 1,
          },
        },
        "postgresql.hba-rules": {
          inputs: at,
          outputs: {
            rules: [
              { line: 1, type: "host", databases: ["all"], roles: ["open"], method: "trust", mistake: null },
              { line: 2, roles: ["all"], address: "127.0.0.1", method: "scram-sha-256" },
            ],
            withoutPassword: [1],
            mistakes: 0,
          },
        },
        "postgresql.roles": {
          inputs: at,
          outputs: {
            superusers: [user],
            roles: [
              { name: "open", superuser: false, login: true, validUntil: "2030-01-01T00:00:00Z" },
              { name: user, superuser: true, validUntil: null },
            ],
          },
        },
        "postgresql.sessions": {
          inputs: { ...at, role: "open" },
          outputs: { sessions: [{ ...seen, startedAt, state: "idle", encrypted: true }], more: false },
        },
        "postgresql.settings": {
          inputs: at,
          outputs: { ssl: true, passwordEncryption: "scram-sha-256", pendingRestart: [] },
        },
        "postgresql.terminate-session": {
          inputs: { ...at, pid, role: "open", startedAt },
          outputs: { found: true, ended: true },
        },
      },
    };
  },
};
