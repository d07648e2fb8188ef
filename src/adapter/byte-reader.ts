import type { Duplex } from "node:stream";
import { NetworkFault } from "./network.ts";

/** Reads a peer's bytes as fast as they are asked for and no faster: memory stays flat. */
export interface ByteReader {
  /** Bytes that have arrived and were not taken. */
  readonly size: number;
  /** All of them, in one piece. */
  whole(): Buffer;
  /** Waits until more have arrived. @throws NetworkFault when none come any more; by default `ECONNRESET`. */
  more(): Promise<void>;
  /** Takes the first bytes away; as many must be there. */
  take(length: number): Buffer;
  /** Bytes that have arrived, those that wait in the stream included. */
  unread(): number;
  /** Lets go of the stream, which stays open. */
  detach(): void;
}

/** A reader of a connection's stream, which nobody else reads from now on. */
export function openByteReader(stream: Duplex): ByteReader {
  let chunks: Buffer[] = [];
  let size = 0;
  let wake: (() => void) | undefined;
  let ended: Error | undefined;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    // Nothing more is read until somebody wants it.
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

  function whole(): Buffer {
    const joined = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks = [joined];
    return joined;
  }

  return {
    get size() {
      return size;
    },
    whole,
    async more() {
      if (ended !== undefined) throw ended;
      const arrival = new Promise<void>((resolve) => {
        wake = resolve;
      });
      stream.resume();
      await arrival;
      wake = undefined;
    },
    take(length) {
      const bytes = whole();
      const rest = bytes.subarray(length);
      chunks = rest.length === 0 ? [] : [rest];
      size = rest.length;
      return bytes.subarray(0, length);
    },
    unread: () => size + stream.readableLength,
    detach() {
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("error", onEnd);
      stream.off("close", onEnd);
      stream.pause();
    },
  };
}
