import { type ChildProcessByStdio, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { SignerError } from "../signer-error.ts";

/** Far more than any signature, in base64 too. */
const MAX_OUTPUT = 16 * 1024;
const MAX_WORDS = 500;

/**
 * Runs a signing command and returns what it printed. Its standard input is a file, since some tools want to know the size
 * before they read (`openssl pkeyutl -rawin`). It does not get the passphrase of our key files, and what it
 * started ends with it, unless it left its process group.
 *
 * @param options.timeout milliseconds.
 * @throws SignerError `COMMAND_FAILED`.
 */
export async function runCommand(
  argv: readonly string[],
  input: Uint8Array,
  options: { readonly timeout: number; readonly cwd?: string },
): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-sign-"));
  const path = join(folder, "input");
  writeFileSync(path, input, { mode: 0o600, flag: "wx" });
  const stdin = openSync(path, "r");
  try {
    return await run(argv, stdin, options);
  } finally {
    closeSync(stdin);
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(
  [program = "", ...words]: readonly string[],
  stdin: number,
  { timeout, cwd }: { readonly timeout: number; readonly cwd?: string },
): Promise<Uint8Array> {
  const { WITNESSOPS_KEY_PASSPHRASE: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      child = spawn(program, words, {
        stdio: [stdin, "pipe", "pipe"],
        // A group of its own, so that what it started can be ended too.
        detached: true,
        env,
        ...(cwd === undefined ? {} : { cwd }),
      }) as ChildProcessByStdio<null, Readable, Readable>;
    } catch (cause) {
      // Words that no program can be given: too many, or with a NUL in them.
      reject(failed(program, "cannot be started", cause));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let said = "";
    const end = (error?: SignerError): void => {
      clearTimeout(timer);
      killGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      if (error === undefined) resolve(new Uint8Array(Buffer.concat(chunks)));
      else reject(error);
    };
    const timer = setTimeout(() => end(failed(program, `did not answer within ${timeout} ms`)), timeout);
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) end(failed(program, `printed more than ${MAX_OUTPUT} bytes`));
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < MAX_WORDS) said += chunk.toString("utf8");
    });
    child.on("error", (cause) => end(failed(program, "cannot be started", cause)));
    child.on("close", (status, signal) => {
      if (status === 0) return end();
      const words = said
        .replace(/[^\x21-\x7e]+/g, " ")
        .trim()
        .slice(0, MAX_WORDS);
      const how = signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
      end(failed(program, words === "" ? how : `${how}: ${words}`));
    });
  });
}

/** Ends the command and everything in its group; one that has ended already is no trouble. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function failed(program: string, what: string, cause?: unknown): SignerError {
  return new SignerError({
    code: "COMMAND_FAILED",
    message: `the signing command \`${program}\` ${what}`,
    hint: "run it by hand with some bytes on its standard input",
    cause,
  });
}
