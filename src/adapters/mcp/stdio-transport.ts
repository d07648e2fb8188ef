import { type ChildProcess, spawn } from "node:child_process";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { withoutInherited } from "../../adapter/program/inherited-files.ts";

/** Longest line that a server may send, in bytes. */
const MAX_LINE = 32 * 1024 * 1024;
/** How long a server has between the end of its input and SIGKILL. */
const END_MS = 500;

export interface ServerProgram {
  readonly path: string;
  readonly argv0: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly onStderr: (bytes: Uint8Array) => void;
}

/** A server that is a program: one JSON message a line, in a process group of its own, which ends with the call. */
export function startServer(program: ServerProgram): Transport {
  let child: ChildProcess | undefined;
  let rest = Buffer.alloc(0);
  const transport: Transport = {
    async start() {
      const started = withoutInherited((further) =>
        spawn(program.path, [...program.args], {
          argv0: program.argv0,
          cwd: program.cwd,
          env: { ...program.environment },
          stdio: ["pipe", "pipe", "pipe", ...further],
          detached: true,
          shell: false,
        }),
      );
      child = started;
      await new Promise<void>((resolve, reject) => {
        started.once("spawn", resolve);
        started.once("error", reject);
      });
      started.on("error", (error) => transport.onerror?.(error));
      started.stdin?.on("error", () => undefined);
      started.stdout?.on("data", (chunk: Buffer) => take(chunk));
      started.stderr?.on("data", (chunk: Buffer) => program.onStderr(chunk));
      started.once("exit", () => transport.onclose?.());
    },
    async send(message) {
      const line = `${JSON.stringify(message)}\n`;
      await new Promise<void>((resolve, reject) => {
        if (child?.stdin?.writable !== true) reject(new Error("the server has ended"));
        else child.stdin.write(line, (error) => (error ? reject(error) : resolve()));
      });
    },
    async close() {
      const running = child;
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.stdin?.end();
      const forced = setTimeout(() => killGroup(running), END_MS);
      await ended;
      clearTimeout(forced);
      // What the server left behind ends with it.
      killGroup(running);
    },
  };

  function take(chunk: Buffer): void {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf(10);
      if (end < 0) break;
      const line = rest.subarray(0, end).toString("utf8").trim();
      rest = rest.subarray(end + 1);
      if (line !== "") deliver(line);
    }
    if (rest.length <= MAX_LINE) return;
    rest = Buffer.alloc(0);
    transport.onerror?.(new Error("the server sent a line of more than 32 MiB"));
    if (child !== undefined) killGroup(child);
  }

  function deliver(line: string): void {
    let message: JSONRPCMessage;
    try {
      message = JSON.parse(line) as JSONRPCMessage;
    } catch {
      transport.onerror?.(new Error("the server sent a line that is no JSON"));
      return;
    }
    transport.onmessage?.(message);
  }
  return transport;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}
