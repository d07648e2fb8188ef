import type { Duplex } from "node:stream";

/**
 * A connection that the egress guard has made, in the shape that the PostgreSQL client expects of a socket which it is
 * still to connect: it is told at once that it is.
 */
export function guardedStream(stream: Duplex): Duplex {
  const connected = Object.assign(stream, {
    connect() {
      queueMicrotask(() => stream.emit("connect"));
      return stream;
    },
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    ref: () => stream,
    unref: () => stream,
  });
  return connected;
}
