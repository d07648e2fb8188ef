import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { startZone } from "../../../test/local-servers.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../../../test/postgres-server.ts";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { sql } from "./sql-adapter.ts";

if (noPostgres !== undefined) console.log(noPostgres);

const folder = mkdtempSync(join(tmpdir(), "witnessops-sql-"));
let server: PostgresServer;
let port: number;
let secrets: Call["secrets"];

beforeAll(async () => {
  if (noPostgres !== undefined) return;
  server = await startPostgres();
  port = server.port;
  secrets = [{ name: "password", value: server.password, into: { kind: "password", name: server.user } }];
  await run({ statement: "CREATE ROLE open LOGIN", access: "write" });
  await run({
    statement: "CREATE TABLE host (name text PRIMARY KEY, open boolean, ports int[])",
    access: "write",
  });
}, 120_000);

afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const base = () => ({ host: "127.0.0.1", port, database: "postgres", user: "watch", tls: "disable" });
const network = (to = port) => testNetwork({ endpoints: [{ host: "127.0.0.1", port: to, protocol: "tcp" }] });

async function run(parameters: JsonObject, changes: Partial<Call> = {}) {
  const capture = memoryCapture(["rows"]);
  const session = network(typeof parameters.port === "number" ? parameters.port : port);
  const call: Call = {
    with: { ...base(), ...parameters },
    signal: AbortSignal.timeout(10_000),
    idempotencyKey: "0".repeat(32),
    network: session,
    capture,
    secrets,
    root: folder,
    ...changes,
  };
  const outcome = await sql.run(call);
  session.close();
  return { outcome, rows: Buffer.from(capture.artifacts.get("rows") ?? []).toString() };
}

async function faultOf(parameters: JsonObject, changes: Partial<Call> = {}): Promise<Fault> {
  const { outcome } = await run(parameters, changes);
  if (outcome.ok) throw new Error(`it succeeded: ${JSON.stringify(outcome.result)}`);
  return outcome.fault;
}

describe.skipIf(noPostgres !== undefined)("sql", () => {
  it("binds values, and gives rows as canonical JSON", async () => {
    const evil = "x'; DROP TABLE host; --";
    const values = [evil, true];
    const statement =
      "SELECT $1::text AS name, $2::bool AS open, 7 AS n, 12345678901234567890 AS big, NULL AS nothing";
    const { outcome, rows } = await run({ statement, values });
    const row = { name: evil, open: true, n: 7, big: "12345678901234567890", nothing: null };
    expect(outcome).toMatchObject({ ok: true, result: { rows: [row], count: 1, more: false, whole: true } });
    expect(JSON.parse(rows)).toEqual(row);
  });

  it("writes only where the contract says so", async () => {
    const insert = {
      statement: "INSERT INTO host (name, open) VALUES ($1, true) RETURNING name",
      values: ["a"],
    };
    expect(await faultOf(insert)).toMatchObject({ code: "SQL_ERROR", facts: { sqlstate: "25006" } });
    const { outcome } = await run({ ...insert, access: "write" });
    expect(outcome).toMatchObject({ ok: true, result: { rows: [{ name: "a" }] } });
    expect((await run({ statement: "SELECT count(*)::int AS n FROM host" })).outcome).toMatchObject({
      result: { rows: [{ n: 1 }] },
    });
    expect(await faultOf({ ...insert, access: "write" })).toMatchObject({ facts: { sqlstate: "23505" } });
  });

  it("takes one statement, and no other beside it", async () => {
    expect(await faultOf({ statement: "SELECT 1; DROP TABLE host", access: "write" })).toMatchObject({
      code: "SQL_ERROR",
      facts: { sqlstate: "42601" },
    });
  });

  it("stops at the bound on rows and says that there were more", async () => {
    const statement = "SELECT i FROM generate_series(1, 100000) AS i";
    const { outcome, rows } = await run({ statement, maxRows: 1234 });
    expect(outcome).toMatchObject({ ok: true, result: { count: 1234, more: true } });
    expect(rows.trimEnd().split("\n")).toHaveLength(1234);
    expect((await run({ statement: `${statement} LIMIT 3`, maxRows: 3 })).outcome).toMatchObject({
      result: { count: 3, more: false },
    });
  });

  it("is ended by the server at its timeout, and by us at the deadline", async () => {
    const statement = "SELECT pg_sleep(30)";
    expect(await faultOf({ statement, statementTimeoutMs: 200 })).toMatchObject({
      code: "SQL_ERROR",
      facts: { sqlstate: "57014" },
    });
    const began = performance.now();
    expect((await faultOf({ statement }, { signal: AbortSignal.timeout(300) })).code).toBe("TIMEOUT");
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("is not let in with a wrong password, and shows none", async () => {
    const wrong = [
      { name: "password", value: "wrong-Pa55word", into: { kind: "password" as const, name: "watch" } },
    ];
    const fault = await faultOf({ statement: "SELECT 1" }, { secrets: wrong });
    expect(fault).toMatchObject({ code: "AUTH_REJECTED", facts: { sqlstate: "28P01" } });
    expect(JSON.stringify(fault)).not.toContain("wrong-Pa55word");
  });

  it("speaks over TLS to a server that the host or the workspace vouches for by that name, and to no other", async () => {
    const zone = await startZone({ "db.test": ["127.0.0.1"] });
    const secure = async (host: string, extraCa?: string) => {
      const session = testNetwork({
        endpoints: [{ host, port, protocol: "tcp" }],
        resolvers: [zone.resolver],
        ...(extraCa === undefined ? {} : { extraCa }),
      });
      const statement = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
      const { outcome } = await run({ host, statement, tls: "require" }, { network: session });
      session.close();
      return outcome;
    };
    expect(await secure("127.0.0.1", server.certificate)).toMatchObject({
      ok: true,
      result: { rows: [{ ssl: true }] },
    });
    const unknown = { ok: false, fault: { code: "DEPTH_ZERO_SELF_SIGNED_CERT", phase: "login" } };
    expect(await secure("127.0.0.1")).toMatchObject(unknown);
    const renamed = { ok: false, fault: { code: "ERR_TLS_CERT_ALTNAME_INVALID", phase: "login" } };
    expect(await secure("db.test", server.certificate)).toMatchObject(renamed);
    await zone.close();
  });

  it("takes nothing from this host's environment", async () => {
    process.env.PGPASSWORD = server.password;
    process.env.PGOPTIONS = "-c default_transaction_read_only=off";
    try {
      expect((await faultOf({ statement: "SELECT 1" }, { secrets: [] })).code).toBe("CONNECTION_LOST");
    } finally {
      delete process.env.PGPASSWORD;
      delete process.env.PGOPTIONS;
    }
  });

  it("goes through the egress guard", async () => {
    const fault = await faultOf({ statement: "SELECT 1" }, { network: network(1) });
    expect(fault).toMatchObject({ code: "EGRESS_REFUSED", phase: "connect" });
  });

  const hostile: Server[] = [];
  afterAll(() => {
    for (const one of hostile) one.close();
  });
  async function serverThat(act: (socket: import("node:net").Socket) => void): Promise<number> {
    const one = createServer(act).listen(0, "127.0.0.1");
    hostile.push(one);
    await once(one, "listening");
    return (one.address() as AddressInfo).port;
  }

  it("survives servers that hang up, or talk nonsense", async () => {
    for (const act of [
      (socket: import("node:net").Socket) => void socket.destroy(),
      (socket: import("node:net").Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (socket: import("node:net").Socket) => void socket.write(Buffer.alloc(4096, 0xff)),
    ]) {
      const fault = await faultOf(
        { statement: "SELECT 1", port: await serverThat(act) },
        { signal: AbortSignal.timeout(1500) },
      );
      expect(fault.code).not.toBe("");
    }
  }, 20_000);

  it("does not go on in clear text, or with what was slipped in, when TLS is wanted", async () => {
    const sent: Buffer[] = [];
    const answering = (text: string) =>
      serverThat((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => sent.push(chunk));
        socket.once("data", () => void socket.write(text));
      });
    const asked = { statement: "SELECT 1", tls: "require" };
    expect(await faultOf({ ...asked, port: await answering("N") })).toMatchObject({
      code: "CONNECTION_LOST",
      phase: "login",
    });
    expect(await faultOf({ ...asked, port: await answering("Sand then some") })).toMatchObject({
      code: "STARTTLS_INJECTED",
    });
    // Length and code of the request, and nothing else.
    expect(sent.map(({ length }) => length)).toEqual([8, 8]);
  });

  describe("conformance", () => {
    for (const { name, run: check } of adapterCases({
      adapter: sql,
      artifacts: ["rows"],
      openCapture: memoryCapture,
      timeoutMs: 5000,
      secretInto: { kind: "password", name: "watch" },
      good: async () => ({
        with: { ...base(), statement: "SELECT 1 AS n", user: "open" },
        network: network(),
        root: folder,
      }),
      silent: async () => {
        const to = await serverThat(() => undefined);
        return { with: { ...base(), port: to, statement: "SELECT 1" }, network: network(to), root: folder };
      },
    })) {
      it(name, check);
    }
  });
});
