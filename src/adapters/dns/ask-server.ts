import type { Duplex } from "node:stream";
import { type Network, NetworkFault } from "../../adapter/network.ts";
import type { DnsQuestion } from "./dns-message.ts";

const MAX_WAIT_MS = 2000;
const TRIES = 3;

/** A DNS server to ask. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

/**
 * Asks one server one question: over UDP, sent again when no answer comes, and over TCP when the answer is
 * truncated (RFC 7766).
 *
 * @returns the messages that came back, the last one being the answer.
 * @throws EgressRefused, NetworkFault.
 */
export async function askServer(
  network: Network,
  server: Server,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const first = await askUdp(network, server, question, signal);
  // TC, RFC 1035 section 4.1.1.
  const truncated = ((first[2] ?? 0) & 0x02) !== 0;
  return truncated ? [first, await askTcp(network, server, question, signal)] : [first];
}

async function askUdp(
  network: Network,
  server: Server,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const wait = AbortSignal.any([signal, AbortSignal.timeout(MAX_WAIT_MS)]);
    try {
      const { payload } = await network.exchangeDatagram({
        ...server,
        nameServer: true,
        signal: wait,
        payload: question.message,
        accepts: (message) => question.answers(message),
      });
      return payload;
    } catch (error) {
      const unanswered = error instanceof NetworkFault && error.code === "ETIMEDOUT";
      if (!unanswered || signal.aborted || attempt === TRIES) throw error;
    }
  }
}

async function askTcp(
  network: Network,
  server: Server,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { stream } = await network.connect({ ...server, nameServer: true, signal });
  const destroy = () => stream.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  try {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(question.message.length);
    stream.write(Buffer.concat([head, question.message]));
    const message = await readFramed(stream);
    if (message !== undefined && question.answers(message)) return message;
    const code = signal.aborted ? "ETIMEDOUT" : "ECONNRESET";
    throw new NetworkFault(code, "request", "the server ended the connection without an answer");
  } finally {
    signal.removeEventListener("abort", destroy);
    stream.destroy();
  }
}

/** Reads one message with its two-byte length; undefined when the stream ends before it does. */
async function readFramed(stream: Duplex): Promise<Uint8Array | undefined> {
  let bytes = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk]);
      const length = bytes.length < 2 ? undefined : bytes.readUInt16BE(0);
      if (length !== undefined && bytes.length >= length + 2) return bytes.subarray(2, length + 2);
    }
  } catch {
    // Reset or destroyed: there is no message.
  }
  return undefined;
}
