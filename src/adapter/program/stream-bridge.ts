import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { quoteShell } from "./quote-shell.ts";

/** What the program that is to use the stream starts: it joins its own input and output to the Unix socket. */
const JOIN = [
  'const socket = require("node:net").connect(process.argv[1]);',
  "process.stdin.pipe(socket).pipe(process.stdout);",
  "for (const one of [socket, process.stdout]) one.on('error', () => process.exit(1));",
].join(" ");

/** A stream that another program uses as its connection. */
export interface StreamBridge {
  /** Command line that carries the stream over its standard input and output. */
  readonly command: string;
  close(): void;
}

/**
 * Hands a guarded connection to another program: over a Unix socket that takes one caller.
 *
 * @param path of the socket, in a folder that only this user may enter.
 * @param onRead told how many bytes came, each time.
 */
export async function bridgeStream(
  stream: Duplex,
  path: string,
  onRead: (bytes: number) => void = () => undefined,
): Promise<StreamBridge> {
  let joined: Socket | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (joined !== undefined) return void socket.destroy();
    joined = socket;
    server.close();
    socket.on("error", () => stream.destroy());
    stream.once("close", () => socket.destroySoon());
    socket.pipe(stream).pipe(socket);
    stream.on("data", (chunk: Uint8Array) => onRead(chunk.length));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    command: quoteShell([process.execPath, "-e", JOIN, path]),
    close() {
      server.close();
      joined?.destroy();
      stream.destroy();
    },
  };
}
