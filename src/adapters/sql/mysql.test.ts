import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { startZone } from "../../../test/local-servers.ts";
import { type MariadbServer, noMariadb, startMariadb } from "../../../test/mariadb-server.ts";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { sql } from "./sql-adapter.ts";

if (noMariadb !== undefined) console.log(noMariadb);

const folder = mkdtempSync(join(tmpdir(), "witnessops-mysql-"));
let server: MariadbServer;
let port: number;
let secrets: Call["secrets"];

beforeAll(async () => {
  if (noMariadb !== undefined) return;
  server = await startMariadb();
  port = server.port;
  secrets = [{ name: "password", value: server.password, into: { kind: "password", name: server.user } }];
  await server.query("CREATE TABLE shop.host (name varchar(60) PRIMARY KEY, open boolean, found json)");
}, 120_000);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const base = () => ({
  system: "mysql",
  host: "127.0.0.1",
  port,
  database: "shop",
  user: "watch",
  tls: "disable",
});
const network = (to = port) => testNetwork({ endpoints: [{ host: "127.0.0.1", port: to, protocol: "tcp" }] });

async function run(parameters: JsonObject, changes: Partial<Call> = {}) {
  const capture = memoryCapture(["rows"], 1 << 24);
  const session = network(typeof parameters.port === "number" ? parameters.port : port);
  const call: Call = {
    with: { ...base(), ...parameters },
    signal: AbortSignal.timeout(10_000),
    idempotencyKey: "0".repeat(32),
    network: session,
    capture,
    secrets: secrets ?? [],
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

describe.skipIf(noMariadb !== undefined)("sql at MariaDB", () => {
  it("binds values, and gives rows as canonical JSON", async () => {
    const evil = "x'; DROP TABLE host; -- \" \\' /*";
    const statement = `SELECT ? AS name, ? AS open, 7 AS n, 12345678901234567890 AS big, NULL AS nothing, 1.50 AS exact,
      x'00ff' AS bytes, JSON_OBJECT('a', 1) AS found, TIMESTAMP '2026-01-02 03:04:05' AS at, 0.5e0 AS half, POINT(1, 2) AS place`;
    const { outcome, rows } = await run({ statement, values: [evil, true] });
    const row = {
      name: evil,
      open: 1,
      n: 7,
      big: "12345678901234567890",
      nothing: null,
      exact: "1.50",
      bytes: "\\x00ff",
      found: { a: 1 },
      at: "2026-01-02 03:04:05",
      half: 0.5,
      place: "\\x000000000101000000000000000000f03f0000000000000040",
    };
    expect(outcome).toMatchObject({ ok: true, result: { rows: [row], count: 1, more: false, whole: true } });
    expect(JSON.parse(rows)).toEqual(row);
  });

  it("lets no value become a statement", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), fc.integer(), async (text, number) => {
        const { outcome } = await run({
          statement: "SELECT ? AS text, CAST(? AS SIGNED) AS number",
          values: [text, number],
        });
        expect(outcome).toMatchObject({ ok: true, result: { rows: [{ text, number: String(number) }] } });
      }),
      { numRuns: 40 },
    );
    const tables = await run({ statement: "SHOW TABLES" });
    expect(tables.outcome).toMatchObject({ result: { rows: [{ Tables_in_shop: "host" }] } });
  });

  it("writes only where the contract says so, and says how much changed", async () => {
    const insert = {
      statement: "INSERT INTO host (name, open) VALUES (?, true) RETURNING name",
      values: ["a"],
    };
    const readOnly = { code: "SQL_ERROR", facts: { sqlstate: "25006", errno: 1792 } };
    expect(await faultOf(insert)).toMatchObject(readOnly);
    for (const statement of [
      "DROP TABLE host",
      "CREATE TABLE other (n int)",
      "TRUNCATE host",
      "DELETE FROM host",
    ])
      expect(await faultOf({ statement })).toMatchObject(readOnly);
    const { outcome } = await run({ ...insert, access: "write" });
    expect(outcome).toMatchObject({ ok: true, result: { rows: [{ name: "a" }], affected: null } });
    const update = { statement: "UPDATE host SET open = false WHERE name = ?", access: "write" };
    expect((await run({ ...update, values: ["a"] })).outcome).toMatchObject({
      result: { rows: [], affected: 1 },
    });
    expect((await run({ ...update, values: ["b"] })).outcome).toMatchObject({ result: { affected: 0 } });
    expect((await run({ statement: "SELECT name, open FROM host" })).outcome).toMatchObject({
      result: { rows: [{ name: "a", open: 0 }], affected: null },
    });
    expect(await faultOf({ ...insert, access: "write" })).toMatchObject({ facts: { sqlstate: "23000" } });
  });

  it("takes one statement, and no other beside it", async () => {
    const statement = "SELECT 1; DROP TABLE host";
    expect(await faultOf({ statement, access: "write" })).toMatchObject({
      code: "SQL_ERROR",
      facts: { sqlstate: "42000", errno: 1064 },
    });
  });

  it("wants as many values as the statement has places", async () => {
    const mismatch = { code: "VALUES_MISMATCH", phase: "prepare" };
    expect(await faultOf({ statement: "SELECT ? AS a", values: [] })).toMatchObject(mismatch);
    expect(await faultOf({ statement: "SELECT 1 AS a", values: ["more"] })).toMatchObject(mismatch);
  });

  it("stops at the bound on rows and says that there were more", async () => {
    const statement = "SELECT CAST(seq AS CHAR) AS i FROM seq_1_to_100000";
    const { outcome, rows } = await run({ statement, maxRows: 1234 });
    expect(outcome).toMatchObject({ ok: true, result: { count: 1234, more: true } });
    expect(rows.trimEnd().split("\n")).toHaveLength(1234);
    expect((await run({ statement: `${statement} LIMIT 3`, maxRows: 3 })).outcome).toMatchObject({
      result: { count: 3, more: false },
    });
    // Also where the bound of the session does not reach.
    const shown = await run({ statement: "SHOW VARIABLES", maxRows: 5 });
    expect(shown.outcome).toMatchObject({ ok: true, result: { count: 5, more: true } });
  });

  it("is ended by the server at its timeout, and by us at the deadline", async () => {
    const statement = "SELECT SLEEP(30)";
    expect(await faultOf({ statement, statementTimeoutMs: 200 })).toMatchObject({
      code: "SQL_ERROR",
      facts: { sqlstate: "70100", errno: 1969 },
    });
    const began = performance.now();
    expect((await faultOf({ statement }, { signal: AbortSignal.timeout(300) })).code).toBe("TIMEOUT");
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("refuses a procedure with several results", async () => {
    await server.query("CREATE PROCEDURE shop.two() BEGIN SELECT 1 AS a; SELECT 2 AS b; END");
    expect((await faultOf({ statement: "CALL two()", access: "write" })).code).toBe("MANY_RESULTS");
    await server.query("DROP PROCEDURE shop.two");
  });

  it("is not let in with a wrong password, and shows none", async () => {
    const wrong = [
      { name: "password", value: "wrong-Pa55word", into: { kind: "password" as const, name: "watch" } },
    ];
    const fault = await faultOf({ statement: "SELECT 1" }, { secrets: wrong });
    expect(fault).toMatchObject({ code: "AUTH_REJECTED", facts: { sqlstate: "28000", errno: 1045 } });
    expect(JSON.stringify(fault)).not.toContain("wrong-Pa55word");
    expect(await faultOf({ statement: "SELECT 1", database: "none" })).toMatchObject({
      code: "SQL_ERROR",
      phase: "login",
      facts: { errno: 1049 },
    });
  });

  describe("over TLS", () => {
    const secure = (host: string, resolver: string, extraCa?: string) =>
      testNetwork({
        endpoints: [{ host, port, protocol: "tcp" }],
        resolvers: [resolver],
        ...(extraCa === undefined ? {} : { extraCa }),
      });
    let zone: Awaited<ReturnType<typeof startZone>>;
    beforeAll(async () => {
      zone = await startZone({ "db.test": ["127.0.0.1"], localhost: ["127.0.0.1"] });
    });
    afterAll(() => zone.close());
    const statement = "SHOW SESSION STATUS LIKE 'Ssl_version'";

    it("trusts the workspace's authorities, and says so to the server", async () => {
      const session = secure("127.0.0.1", zone.resolver, server.certificate);
      const { outcome } = await run({ statement, tls: "require" }, { network: session });
      session.close();
      expect(outcome).toMatchObject({
        ok: true,
        result: { rows: [{ Value: expect.stringMatching(/^TLSv1\.[23]$/) }] },
      });
    });

    it("does not speak to a server that nobody vouches for, or that has another name", async () => {
      const unknown = secure("127.0.0.1", zone.resolver);
      const fault = await faultOf({ statement, tls: "require" }, { network: unknown });
      unknown.close();
      expect(fault).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT", phase: "tls" });
      const named = secure("db.test", zone.resolver, server.certificate);
      const other = await faultOf({ statement, tls: "require", host: "db.test" }, { network: named });
      named.close();
      expect(other).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID", phase: "tls" });
    });
  });

  it("goes through the egress guard", async () => {
    const fault = await faultOf({ statement: "SELECT 1" }, { network: network(1) });
    expect(fault).toMatchObject({ code: "EGRESS_REFUSED", phase: "connect" });
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

const hostile: Server[] = [];
afterAll(() => {
  for (const one of hostile) one.close();
});

async function serverThat(act: (socket: Socket) => void): Promise<number> {
  const one = createServer((socket) => {
    socket.on("error", () => undefined);
    act(socket);
  }).listen(0, "127.0.0.1");
  hostile.push(one);
  await once(one, "listening");
  return (one.address() as AddressInfo).port;
}

function packet(sequence: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([body.length, body.length >> 8, body.length >> 16, sequence]), body]);
}

/** Protocol 10's greeting: version, thread, scramble, capabilities, and the plugin that the password is wanted by. */
function greeting(plugin = "mysql_native_password"): Buffer {
  const flags = 0x00_0f_a2_0f | 0x80;
  return packet(
    0,
    Buffer.from([10]),
    "8.0.36\0",
    Buffer.from([1, 0, 0, 0]),
    Buffer.alloc(8, 0x41),
    Buffer.from([0, flags & 0xff, (flags >> 8) & 0xff, 45, 2, 0, (flags >> 16) & 0xff, flags >>> 24, 21]),
    Buffer.alloc(10),
    Buffer.alloc(12, 0x42),
    Buffer.from([0]),
    `${plugin}\0`,
  );
}

const OK = [Buffer.from([0, 0, 0, 2, 0, 0, 0])];

/** A server that lets anybody in, and answers each later packet of the client by what `act` says. */
function afterLogin(act: (socket: Socket, body: Buffer, count: number) => void) {
  return (socket: Socket): void => {
    socket.write(greeting());
    let count = 0;
    socket.on("data", (chunk: Buffer) => {
      if (count++ === 0) socket.write(packet(2, ...OK));
      else act(socket, chunk.subarray(4), count);
    });
  };
}

async function against(
  act: (socket: Socket) => void,
  parameters: JsonObject = {},
  ms = 4000,
): Promise<Fault> {
  const to = await serverThat(act);
  return faultOf({ statement: "SELECT 1", port: to, ...parameters }, { signal: AbortSignal.timeout(ms) });
}

describe("sql at a hostile server that says it is MySQL", () => {
  it("survives that it hangs up, or talks nonsense", async () => {
    for (const act of [
      (socket: Socket) => void socket.destroy(),
      (socket: Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (socket: Socket) => void socket.write(Buffer.alloc(4096, 0xff)),
      (socket: Socket) => void socket.write(packet(0, Buffer.from([10]), "8.0")),
      (socket: Socket) => void socket.write(packet(7, Buffer.from([10]), "8.0.36\0")),
    ])
      expect(["CONNECTION_LOST", "TIMEOUT"]).toContain((await against(act, {}, 1500)).code);
  }, 20_000);

  it("survives any bytes after the login", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 80 }), async (bytes) => {
        const fault = await against(
          afterLogin((socket) => {
            socket.write(packet(1, bytes));
            socket.end();
          }),
        );
        expect(fault.code).not.toBe("");
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("sends it no file of this host, whatever it asks for", async () => {
    const sent: Buffer[] = [];
    const fault = await against(
      afterLogin((socket, body) => {
        sent.push(body);
        socket.write(packet(1, Buffer.from([0xfb]), "/etc/passwd"));
      }),
    );
    expect(fault).toMatchObject({ code: "LOCAL_FILE_REFUSED" });
    expect(Buffer.concat(sent).toString("latin1")).not.toContain("root:");
    // It never said that it could.
    const login: Buffer[] = [];
    await against((socket) => {
      socket.write(greeting());
      socket.once("data", (chunk: Buffer) => {
        login.push(chunk);
        socket.destroy();
      });
    });
    expect((login[0]?.readUInt32LE(4) ?? 0x80) & 0x80).toBe(0);
  });

  it("sends no password in a form that only TLS protects", async () => {
    for (const plugin of ["mysql_clear_password", "caching_sha2_password", "sha256_password", "dialog"]) {
      const sent: Buffer[] = [];
      const fault = await against((socket) => {
        socket.write(greeting());
        socket.on("data", (chunk: Buffer) => {
          sent.push(chunk);
          if (sent.length === 1)
            socket.write(packet(2, Buffer.from([0xfe]), `${plugin}\0`, Buffer.alloc(21, 0x41)));
          else socket.destroy();
        });
      });
      expect(["TLS_REQUIRED", "AUTH_UNSUPPORTED", "CONNECTION_LOST"]).toContain(fault.code);
      expect(sent).toHaveLength(1);
      expect(Buffer.concat(sent).includes("Pa55word")).toBe(false);
    }
  }, 20_000);

  it("does not go on in clear text when TLS is wanted", async () => {
    const sent: Buffer[] = [];
    const fault = await against(
      (socket) => {
        socket.write(greeting());
        socket.on("data", (chunk: Buffer) => sent.push(chunk));
      },
      { tls: "require" },
    );
    expect(fault).toMatchObject({ code: "TLS_REFUSED", phase: "tls" });
    expect(sent).toEqual([]);
  });

  it("ends it when it floods: one endless packet, or columns without end", async () => {
    const chunk = Buffer.alloc(1 << 20, 0x41);
    const flood = (socket: Socket, bytes: Buffer): void => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(bytes));
      };
      socket.on("drain", more);
      more();
    };
    const endless = await against(
      afterLogin((socket) => {
        const largest = Buffer.alloc(0xffffff + 4, 0x41);
        largest.set([0xff, 0xff, 0xff, 1]);
        flood(socket, largest);
      }),
      {},
      9000,
    );
    expect(endless).toMatchObject({ code: "SIZE_EXCEEDED" });
    const column = ["def", "", "", "", "a", ""].flatMap((name) => [Buffer.from([name.length]), name]);
    const tail = Buffer.from([0x0c, 45, 0, 10, 0, 0, 0, 253, 0, 0, 0, 0, 0]);
    // Sequence ids run from 2 and wrap around, so that the same 256 packets may come again and again.
    const columns = Array.from({ length: 256 }, (_, index) => packet((index + 2) % 256, ...column, tail));
    const wide = await against(
      afterLogin((socket, _, count) => {
        if (count > 2) return;
        socket.write(packet(1, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])));
        flood(socket, Buffer.concat(columns));
      }),
      {},
      9000,
    );
    expect(wide).toMatchObject({ code: "SIZE_EXCEEDED" });
    const greeted = await against((socket) => flood(socket, chunk), {}, 9000);
    expect(greeted).toMatchObject({ code: "CONNECTION_LOST" });
  }, 40_000);
});
