import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { buildEnvironment } from "../../adapter/program/build-environment.ts";
import { type Binary, findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { openOutput, parseOutput } from "../../adapter/program/read-output.ts";
import { type ProcessOptions, runProcess, SpawnFault } from "../../adapter/program/run-process.ts";
import { utf8Text } from "../../adapter/read-text.ts";
import type { JsonObject } from "../../format/json.ts";
import { hashFiles, type ToolFile } from "./hash-files.ts";
import { type ExecParameters, parameters } from "./parameters.ts";

const VERSION_BYTES = 4096;

/**
 * Runs a program by its argument vector, never through a shell. The program makes its own connections and
 * is not isolated; its binary, version, arguments and output are recorded.
 */
export const exec: Adapter = {
  id: "exec",
  version: "1.0.0",
  egress: "unguarded",
  isolation: "none",
  parameters,
  async run(call) {
    const asked = call.with as ExecParameters;
    let temporary: string | undefined;
    try {
      const tool = await prepare(call, asked);
      if ("code" in tool) return { ok: false, fault: tool };
      temporary = asked.cwd === "workspace" ? undefined : await mkdtemp(join(tmpdir(), "witnessops-"));
      return await runTool(call, asked, tool, temporary ?? call.root);
    } catch (error) {
      if (error instanceof SpawnFault) {
        return { ok: false, fault: { code: error.code, phase: "spawn", message: error.message } };
      }
      return { ok: false, fault: faultOf(error, "run", call.signal) };
    } finally {
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    }
  },
};

interface Tool {
  readonly binary: Binary;
  readonly files: readonly ToolFile[];
  readonly environment: Record<string, string>;
}

async function prepare(call: Call, asked: ExecParameters): Promise<Tool | Fault> {
  const folders = await searchFolders(process.env.PATH ?? "", call.root);
  const built = buildEnvironment(asked, call.secrets, folders, process.env);
  if ("refused" in built) {
    return spawnFault("ENVIRONMENT_REFUSED", `variable \`${built.refused}\` changes which code runs`);
  }
  const files = await hashFiles(asked.files ?? [], call.root);
  if (typeof files === "string") return spawnFault("NOT_FOUND", `the workspace has no file \`${files}\``);
  const binary = await findBinary(asked.command, folders);
  if (binary === undefined)
    return spawnFault("NOT_FOUND", `program \`${asked.command}\` is not on the search path`);
  return { binary, files, environment: built.environment };
}

async function runTool(call: Call, asked: ExecParameters, tool: Tool, cwd: string): Promise<AdapterOutcome> {
  const { binary, files, environment } = tool;
  const args = asked.args.map((arg) => files.find(({ path }) => path === arg)?.absolute ?? arg);
  const process = { path: binary.path, argv0: asked.command, cwd, environment, signal: call.signal };
  const version = asked.versionArgs === undefined ? undefined : await readVersion(process, asked.versionArgs);
  const stdout = openOutput(call.capture, "stdout");
  const stderr = openOutput(call.capture, "stderr");
  const started = performance.now();
  const end = await runProcess({
    ...process,
    args,
    stdin: asked.stdin,
    onStdout: stdout.take,
    onStderr: stderr.take,
  });
  const durationMs = Math.round(performance.now() - started);
  await stdout.end();
  await stderr.end();
  if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, "run") };
  const { exitCode, signal } = end;
  const expected = asked.expectExit ?? [0];
  if (exitCode === null || !expected.includes(exitCode)) {
    const message = exitCode === null ? `the program was ended by ${signal}` : `exit status ${exitCode}`;
    const code = exitCode === null ? "SIGNAL" : "EXIT_STATUS";
    return { ok: false, fault: { code, phase: "exit", message, facts: { exitCode, signal } } };
  }
  const parsed = parseOutput(stdout, asked.parse);
  if (parsed === undefined) {
    const message = `standard output cannot be read as ${asked.parse}`;
    return { ok: false, fault: { code: "OUTPUT_UNREADABLE", phase: "parse", message, facts: { exitCode } } };
  }
  const errorText = stderr.text;
  const result: JsonObject = {
    binary: { ...binary, ...(version === undefined ? {} : { version }) },
    argv: [asked.command, ...args],
    files: files.map(({ path, sha256 }) => ({ path, sha256 })),
    exitCode,
    signal,
    stdout: parsed,
    stderr: { size: stderr.size, ...(errorText === undefined ? {} : { text: errorText }) },
    durationMs,
  };
  return { ok: true, result };
}

/** The first line that the program prints about itself; undefined when it prints none. */
async function readVersion(
  process: Omit<ProcessOptions, "args" | "stdin" | "onStdout" | "onStderr">,
  args: readonly string[],
): Promise<string | undefined> {
  const printed: { stdout: Uint8Array[]; stderr: Uint8Array[] } = { stdout: [], stderr: [] };
  const enough = new AbortController();
  let size = 0;
  const take = (chunks: Uint8Array[]) => async (bytes: Uint8Array) => {
    chunks.push(bytes.subarray(0, Math.max(0, VERSION_BYTES - size)));
    size += bytes.length;
    if (size > VERSION_BYTES) enough.abort();
  };
  await runProcess({
    ...process,
    args,
    stdin: undefined,
    signal: AbortSignal.any([process.signal, enough.signal]),
    onStdout: take(printed.stdout),
    onStderr: take(printed.stderr),
  });
  for (const chunks of [printed.stdout, printed.stderr]) {
    const line = utf8Text(Buffer.concat(chunks))?.trim().split(/\r?\n/, 1)[0];
    if (line !== undefined && line !== "") return line.slice(0, 200);
  }
  return undefined;
}

function spawnFault(code: string, message: string): Fault {
  return { code, phase: "spawn", message };
}
