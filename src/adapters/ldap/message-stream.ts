import type { Duplex } from "node:stream";
import { NetworkFault } from "../../adapter/network.ts";
import { BerMalformed, headOf, SEQUENCE } from "./ber.ts";
import { decodeMessage, type Message } from "./ldap-message.ts";

/** Largest message that is read, in bytes; a length beyond it is a fault before anything of it is kept. */
const MAX_MESSAGE = 4 * 1024 * 1024;

/** Reads the server's messages one by one, as fast as they are asked for and no faster. */
export interface MessageStream {
  /** The next message. @throws NetworkFault `ECONNRESET` when there is none any more, BerMalformed. */
  next(): Promise<Message>;
  /** Lets go of the stream, which stays open. @returns how many bytes had arrived that no message was made of. */
  detach(): number;
}

export function openMessageStream(stream: Duplex): MessageStream {
  let chunks: Buffer[] = [];
  let size = 0;
  let wake: (() => void) | undefined;
  let ended: Error | undefined;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    // Nothing more is read until somebody wants it: memory stays flat.
    stream.pause();
    wake?.();
  };
  const onEnd = (error?: unknown): void => {
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    ended ??= new NetworkFault(
      typeof code === "string" ? code : "ECONNRESET",
      "request",
      "the server closed the connection",
      error,
    );
    wake?.();
  };
  stream.on("data", onData);
  stream.on("end", onEnd);
  stream.on("error", onEnd);
  stream.on("close", onEnd);

  /** Waits until this many bytes are there, and puts them together. */
  async function gather(length: number): Promise<Buffer> {
    while (size < length) {
      if (ended !== undefined) throw ended;
      const arrival = new Promise<void>((resolve) => {
        wake = resolve;
      });
      stream.resume();
      await arrival;
      wake = undefined;
    }
    const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks = [whole];
    return whole;
  }

  return {
    async next() {
      const tag = (await gather(1))[0];
      if (tag !== SEQUENCE) throw new BerMalformed("what came is no LDAP message");
      let head = headOf(await gather(2));
      for (let length = 3; head === undefined; length++) head = headOf(await gather(length));
      const { start, length } = head;
      if (length > MAX_MESSAGE) throw new BerMalformed(`a message of ${length} bytes`);
      const bytes = await gather(start + length);
      const rest = bytes.subarray(start + length);
      chunks = rest.length === 0 ? [] : [rest];
      size = rest.length;
      return decodeMessage(bytes.subarray(start, start + length));
    },
    detach() {
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("error", onEnd);
      stream.off("close", onEnd);
      stream.pause();
      return size + stream.readableLength;
    },
  };
}
