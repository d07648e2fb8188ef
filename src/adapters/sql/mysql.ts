import type { AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import type { JsonObject } from "../../format/json.ts";
import { type MysqlColumn, readMysqlValue } from "./mysql-value.ts";
import { type MysqlLogin, openMysql } from "./open-mysql.ts";
import type { SqlParameters } from "./parameters.ts";
import type { Progress } from "./progress.ts";
import { openRows } from "./rows.ts";
import { SqlRefused } from "./sql-refused.ts";

/** The server knows no variable of that name: it is of the other kind. */
const ER_UNKNOWN_SYSTEM_VARIABLE = 1193;
const ER_HOST_NOT_PRIVILEGED = 1130;

/** MySQL and MariaDB: `?` bound by the binary protocol, which takes one statement, rows as they come. */
export const mysql = { run, faultOf: mysqlFault };

async function run(call: Call, asked: SqlParameters, state: Progress): Promise<AdapterOutcome> {
  const { access = "read", maxRows = 1000, statementTimeoutMs = 30_000 } = asked;
  const login = await openMysql(call, asked, state);
  try {
    state.phase = "prepare";
    const mode = access === "read" ? "READ ONLY" : "READ WRITE";
    // For what ends the transaction by itself, too.
    await command(login, `SET SESSION TRANSACTION ${mode}`);
    await limitTime(login, statementTimeoutMs);
    // An honest server stops there; one more than is kept says whether there were more.
    await command(login, `SET SESSION sql_select_limit = ${maxRows + 1}`);
    await command(login, `START TRANSACTION ${mode}`);
    state.phase = "response";
    const outcome = await fetchRows(call, login, asked, maxRows);
    if (access === "write") await command(login, "COMMIT");
    return outcome;
  } finally {
    // What is not committed the server rolls back.
    login.close();
  }
}

/** MariaDB ends any statement, MySQL those that read. */
async function limitTime(login: MysqlLogin, ms: number): Promise<void> {
  try {
    await command(login, `SET SESSION max_statement_time = ${ms / 1000}`);
  } catch (error) {
    if (!(error instanceof Error) || Reflect.get(error, "errno") !== ER_UNKNOWN_SYSTEM_VARIABLE) throw error;
    await command(login, `SET SESSION max_execution_time = ${ms}`);
  }
}

/** A statement of ours: no value of the call stands in it. */
async function command({ client, failed, progressed }: MysqlLogin, sql: string): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    client.query(sql, (error) => (error === null ? resolve() : reject(error)));
  });
  await Promise.race([failed, ended]);
  progressed();
}

async function fetchRows(
  call: Call,
  login: MysqlLogin,
  { statement, values = [] }: SqlParameters,
  maxRows: number,
): Promise<AdapterOutcome> {
  const taken = openRows(call.capture);
  let columns: readonly MysqlColumn[] = [];
  let affected: number | null = null;
  let more = false;
  // Servers take more values than there are places, and say nothing.
  if ((await countPlaces(login, statement)) !== values.length)
    throw new SqlRefused({
      code: "VALUES_MISMATCH",
      phase: "prepare",
      message: `the statement has not as many places as there are values: ${values.length}`,
    });
  const query = login.client.execute(statement, [...values]);
  const rows = query.stream({ highWaterMark: 64 });
  // A statement without rows has no fields either.
  query.on("fields", (fields: readonly MysqlColumn[] | undefined, index: number) => {
    if (index > 0) rows.destroy(manyResults());
    else columns = fields ?? [];
  });
  query.on("result", login.progressed);
  // Else the rows would be waited for when the connection is gone.
  login.failed.catch((error: unknown) => rows.destroy(error instanceof Error ? error : undefined));
  for await (const row of rows as AsyncIterable<unknown>) {
    if (!Array.isArray(row)) {
      affected = Number(Reflect.get(row as object, "affectedRows"));
      continue;
    }
    if (taken.count === maxRows) {
      more = true;
      break;
    }
    const cells: readonly unknown[] = row;
    await taken.take(
      Object.fromEntries(columns.map((column, index) => [column.name, readMysqlValue(cells[index], column)])),
    );
  }
  const named: JsonObject[] = columns.map(({ name, columnType }) => ({ name, type: columnType }));
  return { ok: true, result: { ...(await taken.end(named, more)), affected } };
}

/** How many values the statement takes, as the server says; it is prepared for what follows, too. */
async function countPlaces({ client, failed, progressed }: MysqlLogin, sql: string): Promise<number> {
  const prepared = new Promise<number>((resolve, reject) => {
    client.prepare(sql, (error, statement) => {
      if (error !== null) reject(error);
      else resolve((statement as unknown as { parameters: readonly unknown[] }).parameters.length);
    });
  });
  const places = await Promise.race([failed, prepared]);
  progressed();
  return places;
}

function manyResults(): SqlRefused {
  const message = "the statement has more than one result";
  return new SqlRefused({ code: "MANY_RESULTS", phase: "response", message });
}

function mysqlFault(error: unknown, phase: string): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const [code, errno, sqlstate] = ["code", "errno", "sqlState"].map((name) => Reflect.get(error, name));
  const message = error.message.slice(0, 2000);
  if (typeof errno === "number" && typeof sqlstate === "string" && /^[0-9A-Z]{5}$/.test(sqlstate)) {
    const facts = { sqlstate, errno };
    // Class 28: who asks is not let in.
    if (sqlstate.startsWith("28") || errno === ER_HOST_NOT_PRIVILEGED)
      return { code: "AUTH_REJECTED", phase: "login", message, facts };
    return { code: "SQL_ERROR", phase, message, facts };
  }
  if (code === "HANDSHAKE_NO_SSL_SUPPORT")
    return { code: "TLS_REFUSED", phase: "tls", message: "the server does not speak TLS" };
  if (code === "AUTH_SWITCH_PLUGIN_ERROR") return { code: "AUTH_UNSUPPORTED", phase: "login", message };
  const isLost = typeof code === "string" && /^(PROTOCOL|HANDSHAKE)_/.test(code);
  // What is thrown where its packets are read: they are none.
  const isNonsense = error instanceof RangeError || error instanceof TypeError;
  return isLost || isNonsense ? { code: "CONNECTION_LOST", phase, message } : undefined;
}
