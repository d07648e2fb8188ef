import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { makeCertificate } from "../../../test/local-servers.ts";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { sql } from "./sql-adapter.ts";

const PASSWORD = "scram-Pa55word-0b5e";
const find = () => globSync("/usr/lib/postgresql/*/bin/postgres").sort().at(-1);
const missing =
  find() === undefined ? needProgram("/usr/lib/postgresql/15/bin/postgres", "postgresql") : undefined;
const unable =
  missing ?? (process.getuid?.() === 0 ? undefined : "skipped: starts PostgreSQL as another user, as root");
if (unable !== undefined) console.log(unable);

const folder = mkdtempSync(join(tmpdir(), "witnessops-sql-"));
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  if (unable !== undefined) return;
  const bin = dirname(find() ?? "");
  const owner = { uid: idOf("-u"), gid: idOf("-g") };
  const data = join(folder, "data");
  chmodSync(folder, 0o755);
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, owner.uid, owner.gid);
  writeFileSync(join(folder, "password"), PASSWORD);
  chownSync(join(folder, "password"), owner.uid, owner.gid);
  const options = { ...owner, stdio: "ignore" as const, cwd: data };
  const init = ["-D", data, "-U", "watch", "--auth=scram-sha-256", `--pwfile=${join(folder, "password")}`];
  execFileSync(join(bin, "initdb"), [...init, "--no-sync", "--encoding=UTF8", "--locale=C"], options);
  const { key, cert } = await makeCertificate("localhost");
  for (const [name, text] of [
    ["server.key", key],
    ["server.crt", cert],
  ] as const) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    chownSync(join(data, name), owner.uid, owner.gid);
  }
  const rules = "host all open 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
  writeFileSync(join(data, "pg_hba.conf"), rules);
  port = await freePort();
  const settings = ["ssl=on", "fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${data}`];
  server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])],
    options,
  );
  for (let tries = 0; tries < 200; tries++) {
    if ((await run({ statement: "SELECT 1" })).outcome.ok) break;
    await delay(100);
  }
  await run({ statement: "CREATE ROLE open LOGIN", access: "write" });
  await run({
    statement: "CREATE TABLE host (name text PRIMARY KEY, open boolean, ports int[])",
    access: "write",
  });
}, 120_000);

afterAll(async () => {
  if (unable === undefined) {
    const ended = once(server, "exit");
    server.kill("SIGINT");
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const secrets: Call["secrets"] = [
  { name: "password", value: PASSWORD, into: { kind: "password", name: "watch" } },
];
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

describe.skipIf(unable !== undefined)("sql", () => {
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

  it("does not speak to a server whose certificate nobody vouches for", async () => {
    const fault = await faultOf({ statement: "SELECT 1", tls: "require" });
    expect(["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN"]).toContain(fault.code);
  });

  it("takes nothing from this host's environment", async () => {
    process.env.PGPASSWORD = PASSWORD;
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

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }).trim());
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  return free;
}
