import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { withoutInherited } from "./inherited-files.ts";

/** How long a process group has between SIGTERM and SIGKILL. */
const TERM_MS = 300;
/** How long output is awaited after the end: a process that left the group may hold the pipe open. */
const DRAIN_MS = 500;

export interface ProcessOptions {
  readonly path: string;
  /** What the process sees as its own name; programs with several names decide by it. */
  readonly argv0: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Record<string, string>;
  readonly stdin: string | undefined;
  readonly signal: AbortSignal;
  /** Take output as it comes; the process waits while they do. What they throw ends it. */
  readonly onStdout: (bytes: Uint8Array) => Promise<void>;
  readonly onStderr: (bytes: Uint8Array) => Promise<void>;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Runs a program without a shell in a process group of its own. At the abort the group gets SIGTERM and
 * soon after SIGKILL; when the program has ended, what is left of its group gets SIGKILL.
 *
 * @throws SpawnFault when it does not start, or what an output listener threw.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const { signal } = options;
  signal.throwIfAborted();
  const child = start(options);
  const ended = Promise.withResolvers<ProcessEnd>();
  child.once("error", (error) => ended.reject(new SpawnFault(error)));
  child.once("exit", (exitCode, name) => ended.resolve({ exitCode, signal: name }));
  let forced: NodeJS.Timeout | undefined;
  const terminate = () => {
    killGroup(child, "SIGTERM");
    forced ??= setTimeout(() => killGroup(child, "SIGKILL"), TERM_MS);
  };
  signal.addEventListener("abort", terminate, { once: true });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.stdin ?? "");
  const drain = startDrain(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  });
  const drained = Promise.all([
    forward(child.stdout, options.onStdout, drain),
    forward(child.stderr, options.onStderr, drain),
  ]);
  drained.catch(() => killGroup(child, "SIGKILL"));
  try {
    const end = await ended.promise;
    killGroup(child, "SIGKILL");
    drain.arm();
    await drained;
    return end;
  } finally {
    drain.clear();
    clearTimeout(forced);
    signal.removeEventListener("abort", terminate);
    killGroup(child, "SIGKILL");
  }
}

/** Cuts the output off when nothing comes for `DRAIN_MS` after the end; while a listener works, it waits. */
interface Drain {
  arm(): void;
  busy(): void;
  idle(): void;
  clear(): void;
}

function startDrain(cut: () => void): Drain {
  let timer: NodeJS.Timeout | undefined;
  let armed = false;
  const idle = () => {
    clearTimeout(timer);
    if (armed) timer = setTimeout(cut, DRAIN_MS);
  };
  return {
    idle,
    arm() {
      armed = true;
      idle();
    },
    busy: () => clearTimeout(timer),
    clear() {
      armed = false;
      clearTimeout(timer);
    },
  };
}

/** The program did not start. */
export class SpawnFault extends Error {
  readonly code: string;
  constructor(cause: unknown) {
    super("the program did not start", { cause });
    this.name = "SpawnFault";
    const code = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    this.code = typeof code === "string" ? code : "EUNKNOWN";
  }
}

function start(options: ProcessOptions): ChildProcess {
  try {
    return withoutInherited((further) =>
      spawn(options.path, [...options.args], {
        argv0: options.argv0,
        cwd: options.cwd,
        env: options.environment,
        // A process group of its own (POSIX setsid).
        detached: true,
        shell: false,
        stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe", ...further],
      }),
    );
  } catch (error) {
    throw new SpawnFault(error);
  }
}

async function forward(
  stream: Readable | null,
  take: (bytes: Uint8Array) => Promise<void>,
  drain: Drain,
): Promise<void> {
  if (stream === null) return;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      drain.busy();
      await take(chunk);
      drain.idle();
    }
  } catch (error) {
    // Destroyed after the end: what came until then counts.
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

function killGroup(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}
