import { getCACertificates } from "node:tls";
import type { Client } from "pg";
import type Cursor from "pg-cursor";
import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { JsonObject } from "../../format/json.ts";
import { guardedStream } from "./guarded-stream.ts";
import { parameters, type SqlParameters } from "./parameters.ts";
import { readValue } from "./read-value.ts";

/** Rows that are fetched at once. */
const BATCH = 500;
/** How much of the rows stands in the result, in bytes of canonical JSON; all of them are in the artifact `rows`. */
const MAX_RESULT = 256 * 1024;

/**
 * One statement to a PostgreSQL server: read-only unless the contract says otherwise, values bound, a statement timeout
 * and a bound on rows. The rows are captured as canonical JSON, one a line.
 */
export const sql: Adapter = {
  id: "sql",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as SqlParameters;
    const state = { phase: "connect" };
    try {
      return await runStatement(call, asked, state);
    } catch (error) {
      if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, state.phase) };
      const known = sqlFault(error) ?? lostFault(error, state.phase);
      return { ok: false, fault: known ?? faultOf(error, state.phase, call.signal) };
    }
  },
};

async function runStatement(
  call: Call,
  asked: SqlParameters,
  state: { phase: string },
): Promise<AdapterOutcome> {
  const { host, port = 5432, database, user, tls = "require", access = "read" } = asked;
  const { stream } = await call.network.connect({ host, port, signal: call.signal });
  // Only now: the client costs more than a short command's whole time.
  const { Client } = await import("pg");
  const client = new Client({
    stream: () => guardedStream(stream),
    host,
    port,
    database,
    user,
    // A function, and options of our own: what is left empty the client takes from this host's environment.
    password: () => call.secrets.find(({ into }) => into.kind === "password")?.value ?? "",
    options: "-c application_name=witnessops",
    ssl: tls === "require" ? { rejectUnauthorized: true, ca: authorities() } : false,
    types: { getTypeParser: () => (text: string) => text },
  } as ConstructorParameters<typeof Client>[0]);
  // What ends the connection is told to the query that waits.
  client.on("error", () => undefined);
  const leave = (): void => void stream.destroy();
  call.signal.addEventListener("abort", leave, { once: true });
  try {
    state.phase = "login";
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
  const { default: RowCursor } = await import("pg-cursor");
  const { statement, values = [], maxRows = 1000 } = asked;
  const cursor = client.query(new RowCursor<Record<string, string | null>>(statement, values as never[]));
  const writer = call.capture.wants("rows")
    ? call.capture.open("rows", { source: "sql rows", mediaType: "application/x-ndjson" })
    : undefined;
  const kept: JsonObject[] = [];
  let [count, size, more] = [0, 0, false];
  let columns: { name: string; type: number }[] = [];
  for (;;) {
    const left = maxRows - count;
    // One more than is kept says whether there were more.
    const { rows, fields } = await readBatch(cursor, Math.min(BATCH, left + 1));
    columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
    for (const row of rows.slice(0, left)) {
      const typed = Object.fromEntries(
        columns.map(({ name, type }) => [name, readValue(row[name] ?? null, type)]),
      );
      const line = `${canonicalJson(typed)}\n`;
      await writer?.write(new TextEncoder().encode(line));
      size += line.length;
      if (size <= MAX_RESULT) kept.push(typed);
      count += 1;
    }
    if (rows.length > left) more = true;
    if (more || rows.length === 0) break;
  }
  await cursor.close();
  await writer?.end();
  return { ok: true, result: { columns, rows: kept, count, more, whole: kept.length === count } };
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

/** What the server answered, as a fault; undefined for what is no answer of it. */
function sqlFault(error: unknown): Fault | undefined {
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

/** What the client says in words only: the connection is gone, or what came over it is not its protocol. */
function lostFault(error: unknown, phase: string): Fault | undefined {
  const isPlain =
    error instanceof Error && error.name === "Error" && Reflect.get(error, "code") === undefined;
  return isPlain ? { code: "CONNECTION_LOST", phase, message: error.message.slice(0, 2000) } : undefined;
}

let known: string[] | undefined;

/** Certificate authorities of this host. */
function authorities(): string[] {
  known ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return known;
}
