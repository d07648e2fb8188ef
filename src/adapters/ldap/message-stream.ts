import type { Duplex } from "node:stream";
import { openByteReader } from "../../adapter/byte-reader.ts";
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
  const reader = openByteReader(stream);

  /** Waits until this many bytes are there, and puts them together. */
  async function gather(length: number): Promise<Buffer> {
    while (reader.size < length) await reader.more();
    return reader.whole();
  }

  return {
    async next() {
      const tag = (await gather(1))[0];
      if (tag !== SEQUENCE) throw new BerMalformed("what came is no LDAP message");
      let head = headOf(await gather(2));
      for (let length = 3; head === undefined; length++) head = headOf(await gather(length));
      const { start, length } = head;
      if (length > MAX_MESSAGE) throw new BerMalformed(`a message of ${length} bytes`);
      await gather(start + length);
      return decodeMessage(reader.take(start + length).subarray(start));
    },
    detach() {
      const unread = reader.unread();
      reader.detach();
      return unread;
    },
  };
}
