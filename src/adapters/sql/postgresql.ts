import { Client } from "pg";
import type Cursor from "pg-cursor";
import RowCursor from "pg-cursor";
import type { AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { guardedStream } from "./guarded-stream.ts";
import type { SqlParameters } from "./parameters.ts";
import { readPostgresqlValue } from "./postgresql-value.ts";
import type { Progress } from "./progress.ts";
import { openRows } from "./rows.ts";
import { securePostgresql } from "./secure-postgresql.ts";

/** Rows that are fetched at once. */
const BATCH = 500;

/** PostgreSQL: `$1`, `$2`, … bound by the extended protocol, rows by cursor. */
export const postgresql = { run, faultOf: postgresqlFault };

async function run(call: Call, asked: SqlParameters, state: Progress): Promise<AdapterOutcome> {
  const { host, port = 5432, database, user, tls = "require", access = "read" } = asked;
  const target = { host, port, signal: call.signal };
  const plain = await call.network.connect(target);
  state.phase = "login";
  const { stream } = tls === "require" ? await securePostgresql(call.network, plain, target) : plain;
  const client = new Client({
    stream: () => guardedStream(stream),
    host,
    port,
    database,
    user,
    // A function, and options of our own: what is left empty the client takes from this host's environment.
    password: () => call.secrets.find(({ into }) => into.kind === "password")?.value ?? "",
    options: "-c application_name=witnessops",
    // Done already, by the guard.
    ssl: false,
    types: { getTypeParser: () => (text: string) => text },
  } as ConstructorParameters<typeof Client>[0]);
  // What ends the connection is told to the query that waits.
  client.on("error", () => undefined);
  const leave = (): void => void stream.destroy();
  call.signal.addEventListener("abort", leave, { once: true });
  try {
    await client.connect();
    state.phase = "prepare";
    await client.query(`BEGIN ${access === "read" ? "READ ONLY" : "READ WRITE"}`);
    await client.query(`SET LOCAL statement_timeout = ${asked.statementTimeoutMs ?? 30_000}`);
    state.phase = "response";
    const outcome = await fetchRows(call, client, asked);
    await client.query(access === "read" ? "ROLLBACK" : "COMMIT");
    return outcome;
  } finally {
    call.signal.removeEventListener("abort", leave);
    stream.destroy();
  }
}

async function fetchRows(call: Call, client: Client, asked: SqlParameters): Promise<AdapterOutcome> {
  const { statement, values = [], maxRows = 1000 } = asked;
  const cursor = client.query(new RowCursor<Record<string, string | null>>(statement, values as never[]));
  const taken = openRows(call.capture);
  let more = false;
  let columns: { name: string; type: number }[] = [];
  for (;;) {
    const left = maxRows - taken.count;
    // One more than is kept says whether there were more.
    const { rows, fields } = await readBatch(cursor, Math.min(BATCH, left + 1));
    columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
    for (const row of rows.slice(0, left))
      await taken.take(
        Object.fromEntries(
          columns.map(({ name, type }) => [name, readPostgresqlValue(row[name] ?? null, type)]),
        ),
      );
    if (rows.length > left) more = true;
    if (more || rows.length === 0) break;
  }
  await cursor.close();
  return { ok: true, result: await taken.end(columns, more) };
}

interface Batch {
  readonly rows: Record<string, string | null>[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

function readBatch(cursor: Cursor<Record<string, string | null>>, count: number): Promise<Batch> {
  return new Promise((resolve, reject) => {
    cursor.read(count, (error, rows, result) => {
      if (error) reject(error);
      else resolve({ rows, fields: result?.fields ?? [] });
    });
  });
}

function postgresqlFault(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const sqlstate: unknown = Reflect.get(error, "code");
  const severity: unknown = Reflect.get(error, "severity");
  if (typeof sqlstate !== "string" || typeof severity !== "string" || !/^[0-9A-Z]{5}$/.test(sqlstate))
    return undefined;
  const message = error.message.slice(0, 2000);
  const facts = { sqlstate, severity };
  // Class 28: who asks is not let in.
  if (sqlstate.startsWith("28")) return { code: "AUTH_REJECTED", phase: "login", message, facts };
  return { code: "SQL_ERROR", phase: "response", message, facts };
}
