import type { Duplex } from "node:stream";
import { NetworkFault } from "../../adapter/network.ts";

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
  let buffer = Buffer.alloc(0);
  let wake: (() => void) | undefined;
  let ended: Error | undefined;
  const onData = (chunk: Buffer): void => {
    buffer = Buffer.concat([buffer, chunk]);
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

  async function nextLine(): Promise<string> {
    for (;;) {
      const end = buffer.indexOf("\n");
      if ((end < 0 ? buffer.length : end) > MAX_LINE) throw new ReplyMalformed("a line without an end");
      if (end >= 0) {
        const line = buffer.subarray(0, end).toString("utf8").replace(/\r$/, "").toWellFormed();
        buffer = buffer.subarray(end + 1);
        return line;
      }
      if (ended !== undefined) throw ended;
      const arrival = new Promise<void>((resolve) => {
        wake = resolve;
      });
      stream.resume();
      await arrival;
      wake = undefined;
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
    unread: () => buffer.length + stream.readableLength,
    detach() {
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("error", onEnd);
      stream.off("close", onEnd);
      stream.pause();
    },
  };
}
