import { Readable } from "node:stream";
import { type Connection as Client, createConnection } from "mysql2";
import type { Call } from "../../adapter/adapter.ts";
import type { Connection } from "../../adapter/network.ts";
import { castMysql } from "./mysql-value.ts";
import type { SqlParameters } from "./parameters.ts";
import type { Progress } from "./progress.ts";
import { SqlRefused } from "./sql-refused.ts";

/** Most bytes that a server sends before the next row, or the end of an answer, comes out of them. */
const MAX_BETWEEN = 64 * 1024 * 1024;
/** Most packets likewise: a row has at most 4,096 columns, a statement at most 1,000 values. */
const MAX_PACKETS = 6000;

const FLOOD = "the server sends and sends, and no row comes of it";

/** A login at a MySQL or MariaDB server. */
export interface MysqlLogin {
  readonly client: Client;
  /** Rejects with what ended the connection, in our words where it was this side. */
  readonly failed: Promise<never>;
  /** Something whole came out of what the server sent. */
  progressed(): void;
  close(): void;
}

/** What is the client's own, beyond its declared members; the tests with hostile servers hold them to be there. */
interface Inner {
  stream: Connection["stream"];
  readonly sequenceId: number;
  /** Packets are kept until the rows before them are taken, and then come again. */
  readonly _paused: boolean;
  readonly packetParser: { execute(chunk: Uint8Array): void };
  handlePacket(packet?: { readonly sequenceId: number }): void;
  startTLS(done: (error?: Error) => void): void;
}

/**
 * Logs in. The TLS handshake is the guard's, with its trust store and its check of the name; without TLS no password is
 * sent in a form that whoever answers can undo. A file of this host is never sent, whatever the server asks for.
 *
 * @throws SqlRefused, NetworkFault, or what the server answered.
 */
export async function openMysql(call: Call, asked: SqlParameters, state: Progress): Promise<MysqlLogin> {
  const { host, port = 3306, database, user, tls = "require" } = asked;
  const target = { host, port, signal: call.signal };
  const plain = await call.network.connect(target);
  state.phase = "login";
  let between = 0;
  let packets = 0;
  const failure = Promise.withResolvers<never>();
  // Whoever waits hears of it; nobody may be waiting yet.
  failure.promise.catch(() => undefined);
  const client = createConnection({
    stream: plain.stream,
    host,
    port,
    database,
    user,
    password: call.secrets.find(({ into }) => into.kind === "password")?.value ?? "",
    // Its members are not read: the handshake is made below.
    ...(tls === "require" ? { ssl: {} } : { authPlugins: PLAIN }),
    flags: ["-LOCAL_FILES", "-FOUND_ROWS"],
    // It does not ask for files, yet a server may want one all the same.
    infileStreamFactory: () => {
      fail(refusal("LOCAL_FILE_REFUSED", "response", "the server asked for a file of this host"));
      return Readable.from([]);
    },
    connectTimeout: 0,
    connectAttributes: { program_name: "witnessops" },
    rowsAsArray: true,
    // Rows are read by rules, not by programs made from what the server calls its columns.
    disableEval: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    typeCast: castMysql,
  });
  const inner = client as unknown as Inner;
  const close = (): void => {
    inner.stream.destroy();
    plain.stream.destroy();
  };
  const fail = (error: unknown): void => {
    failure.reject(error);
    close();
  };
  const count = (chunk: Uint8Array): void => {
    between += chunk.length;
    if (between > MAX_BETWEEN) fail(refusal("SIZE_EXCEEDED", state.phase, FLOOD));
  };
  const handle = inner.handlePacket.bind(client);
  inner.handlePacket = (packet) => {
    // The client would warn on stderr, and go on.
    if (packet !== undefined && !inner._paused && packet.sequenceId !== inner.sequenceId)
      return fail(refusal("CONNECTION_LOST", state.phase, "a packet of the server is out of order"));
    if (!inner._paused && ++packets > MAX_PACKETS) return fail(refusal("SIZE_EXCEEDED", state.phase, FLOOD));
    try {
      handle(packet);
    } catch (error) {
      fail(error);
    }
  };
  inner.startTLS = (done) => {
    state.phase = "tls";
    plain.stream.removeAllListeners("data");
    plain.stream.pause();
    call.network.upgradeTls(plain, target).then(
      ({ stream }) => {
        state.phase = "login";
        inner.stream = stream;
        stream.on("error", (error) => fail(error));
        stream.on("close", () => fail(refusal("CONNECTION_LOST", state.phase, "the server hung up")));
        stream.on("data", count);
        stream.on("data", (chunk: Uint8Array) => inner.packetParser.execute(chunk));
        done();
      },
      (error: unknown) => fail(error),
    );
  };
  plain.stream.prependListener("data", count);
  client.on("error", fail);
  call.signal.addEventListener("abort", close, { once: true });
  plain.stream.once("close", () => call.signal.removeEventListener("abort", close));
  const ready = new Promise<void>((resolve, reject) =>
    client.connect((error) => (error === null || error === undefined ? resolve() : reject(error))),
  );
  ready.catch(() => undefined);
  try {
    await Promise.race([failure.promise, ready]);
  } catch (error) {
    close();
    // What this side refused says more than that the connection was lost by it.
    throw await Promise.race([failure.promise, Promise.reject(error)]).catch((first: unknown) => first);
  }
  const progressed = (): void => {
    between = 0;
    packets = 0;
  };
  progressed();
  return { client, failed: failure.promise, progressed, close };
}

/** Without TLS whoever answers could have these passwords: as they are, or sealed for a key of its own. */
const PLAIN = Object.fromEntries(
  ["caching_sha2_password", "sha256_password", "mysql_clear_password"].map((name) => [
    name,
    () => () => {
      throw refusal("TLS_REQUIRED", "login", `the server wants the password by \`${name}\`: set \`tls\``);
    },
  ]),
);

function refusal(code: string, phase: string, message: string): SqlRefused {
  return new SqlRefused({ code, phase, message });
}
