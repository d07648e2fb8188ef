import { once } from "node:events";
import {
  type Connection,
  type Network,
  NetworkFault,
  type TlsConnection,
  type TlsTarget,
} from "../../adapter/network.ts";
import { SqlRefused } from "./sql-refused.ts";

/** Length 8, code 80877103: PostgreSQL's SSLRequest (its manual, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * Asks a PostgreSQL server for TLS and lets the guard make the handshake, with its trust store and its check of the name,
 * also where the host is an address. @throws SqlRefused, of the phase `login`, as contracts know it.
 */
export async function securePostgresql(
  network: Network,
  connection: Connection,
  target: TlsTarget,
): Promise<TlsConnection> {
  const { stream } = connection;
  stream.write(SSL_REQUEST);
  const answer = await firstByte(connection, target.signal);
  if (answer === "S")
    return network.upgradeTls(connection, target).catch((error: unknown) => {
      throw error instanceof NetworkFault ? refusal(error.code, error.message) : error;
    });
  stream.destroy();
  throw refusal("CONNECTION_LOST", answer === "" ? "the server hung up" : "the server does not speak TLS");
}

function refusal(code: string, message: string): SqlRefused {
  return new SqlRefused({ code, phase: "login", message });
}

/** One byte and no more: what follows it unasked refuses the handshake. Empty when the peer hung up. */
async function firstByte({ stream }: Connection, signal: AbortSignal): Promise<string> {
  const ended = new AbortController();
  const hangUp = (): void => ended.abort();
  stream.once("close", hangUp);
  stream.once("end", hangUp);
  try {
    for (;;) {
      const byte: unknown = stream.read(1);
      if (byte instanceof Uint8Array) return Buffer.from(byte).toString("latin1");
      if (stream.destroyed || stream.readableEnded) return "";
      await once(stream, "readable", { signal: AbortSignal.any([signal, ended.signal]) }).catch((error) => {
        if (signal.aborted) throw error;
      });
      if (ended.signal.aborted) return "";
    }
  } finally {
    stream.off("close", hangUp);
    stream.off("end", hangUp);
    stream.pause();
  }
}
