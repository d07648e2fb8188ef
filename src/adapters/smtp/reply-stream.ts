import type { Duplex } from "node:stream";
import { openByteReader } from "../../adapter/byte-reader.ts";

/** RFC 5321 section 4.5.3.1.5 has 512 octets; some servers say more. */
const MAX_LINE = 2048;
const MAX_LINES = 100;

/** What came is no reply of RFC 5321. */
export class ReplyMalformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ReplyMalformed";
  }
}

/** One reply, section 4.2: its code and the text of each line. */
export interface Reply {
  readonly code: number;
  readonly lines: readonly string[];
}

export interface ReplyStream {
  /** The next reply. @throws NetworkFault when there is none any more, ReplyMalformed. */
  next(): Promise<Reply>;
  /** Bytes that came and that no reply was made of: an answer to nothing. */
  unread(): number;
  /** Lets go of the stream, which stays open. */
  detach(): void;
}

export function openReplyStream(stream: Duplex): ReplyStream {
  const reader = openByteReader(stream);

  async function nextLine(): Promise<string> {
    for (;;) {
      const end = reader.whole().indexOf("\n");
      if ((end < 0 ? reader.size : end) > MAX_LINE) throw new ReplyMalformed("a line without an end");
      if (end >= 0)
        return reader
          .take(end + 1)
          .subarray(0, end)
          .toString("utf8")
          .replace(/\r$/, "")
          .toWellFormed();
      await reader.more();
    }
  }

  return {
    async next() {
      const lines: string[] = [];
      for (;;) {
        const match = /^([2-5][0-9]{2})(?:([ -])(.*))?$/.exec(await nextLine());
        const [, code, mark = " ", text = ""] = match ?? [];
        if (code === undefined) throw new ReplyMalformed("a line that is no reply");
        if (lines.length > 0 && !lines[0]?.startsWith(code)) throw new ReplyMalformed("a reply of two codes");
        lines.push(`${code} ${text}`);
        if (mark === " ") return { code: Number(code), lines: lines.map((line) => line.slice(4)) };
        if (lines.length >= MAX_LINES) throw new ReplyMalformed(`a reply of more than ${MAX_LINES} lines`);
      }
    },
    unread: () => reader.unread(),
    detach: () => reader.detach(),
  };
}
