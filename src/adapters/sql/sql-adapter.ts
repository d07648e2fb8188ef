import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { parameters, type SqlParameters } from "./parameters.ts";
import type { Progress } from "./progress.ts";
import { SqlRefused } from "./sql-refused.ts";

/** What speaks to one kind of server. */
interface Server {
  run(call: Call, asked: SqlParameters, state: Progress): Promise<AdapterOutcome>;
  /** What the server answered, as a fault; undefined for what is no answer of it. */
  faultOf(error: unknown, phase: string): Fault | undefined;
}

/**
 * One statement to a PostgreSQL, MySQL or MariaDB server: read-only unless the contract says otherwise, values bound, a
 * statement timeout and a bound on rows. The rows are captured as canonical JSON, one a line.
 */
export const sql: Adapter = {
  id: "sql",
  version: "1.1.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as SqlParameters;
    const state = { phase: "connect" };
    const server = await serverOf(asked);
    try {
      return await server.run(call, asked, state);
    } catch (error) {
      if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, state.phase) };
      if (error instanceof SqlRefused) return { ok: false, fault: error.fault };
      const known = server.faultOf(error, state.phase) ?? lostFault(error, state.phase);
      return { ok: false, fault: known ?? faultOf(error, state.phase, call.signal) };
    }
  },
};

/** Only now: a client costs more than a short command's whole time. */
async function serverOf({ system = "postgresql" }: SqlParameters): Promise<Server> {
  return system === "mysql"
    ? (await import("./mysql.ts")).mysql
    : (await import("./postgresql.ts")).postgresql;
}

/** What the client says in words only: the connection is gone, or what came over it is not its protocol. */
function lostFault(error: unknown, phase: string): Fault | undefined {
  const isPlain =
    error instanceof Error && error.name === "Error" && Reflect.get(error, "code") === undefined;
  return isPlain ? { code: "CONNECTION_LOST", phase, message: error.message.slice(0, 2000) } : undefined;
}
