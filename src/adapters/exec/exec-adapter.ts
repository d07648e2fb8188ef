import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter, AdapterOutcome, Call, Fault, Isolates } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { buildEnvironment } from "../../adapter/program/build-environment.ts";
import { type Binary, findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { openOutput, parseOutput } from "../../adapter/program/read-output.ts";
import { type ProcessOptions, runProcess, SpawnFault } from "../../adapter/program/run-process.ts";
import { utf8Text } from "../../adapter/read-text.ts";
import type { JsonObject } from "../../format/json.ts";
import { argumentsOf, hashFiles, type ToolFile } from "./hash-files.ts";
import { findEntry, isolate } from "./isolate.ts";
import { offerIsolation } from "./offer-isolation.ts";
import { type ExecParameters, parameters } from "./parameters.ts";

const VERSION_BYTES = 4096;

/**
 * Runs a program by its argument vector, never through a shell. Unless the gates
 * decided that the kernel holds it (decision 0023), the program makes its own connections and is not isolated; its
 * binary, version, arguments and output are recorded.
 */
export const exec: Adapter & Isolates = {
  id: "exec",
  version: "1.1.0",
  egress: "unguarded",
  isolation: "none",
  parameters,
  offerIsolation,
  async run(call) {
    const asked = call.with as ExecParameters;
    let temporary: string | undefined;
    try {
      const tool = await prepare(call, asked);
      if ("code" in tool) return { ok: false, fault: tool };
      temporary = asked.cwd === "workspace" ? undefined : await mkdtemp(join(tmpdir(), "witnessops-"));
      if (call.isolated === true) return await runIsolated(call, asked, tool);
      const { binary, environment } = tool;
      const cwd = temporary ?? call.root;
      const process = { path: binary.path, argv0: asked.command, cwd, environment, signal: call.signal };
      return await runTool(call, asked, tool, (args) => ({ ...process, args }));
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

/** As `runTool`, held by the kernel: a sandbox that fails is a fault, and never a reason to run without one. */
async function runIsolated(call: Call, asked: ExecParameters, tool: Tool): Promise<AdapterOutcome> {
  const { binary, files, environment } = tool;
  const found = await findEntry(asked.command, binary, call.root);
  const held = await isolate(call, asked, { found, path: binary.path }, files);
  if ("code" in held) return { ok: false, fault: held };
  try {
    const { version, main, places } = held;
    const process = { argv0: "bwrap", cwd: "/", environment, signal: call.signal };
    const start = (args: readonly string[]) => {
      const sandbox = args === asked.versionArgs ? version : main;
      return { ...process, path: sandbox.path, args: sandbox.args };
    };
    const outcome = await runTool(call, asked, tool, start);
    const isDone = outcome.ok || outcome.fault.phase === "exit" || outcome.fault.phase === "parse";
    if (isDone && !call.signal.aborted && !main.ran()) {
      const message = "the sandbox could not be set up, or the program could not be started in it";
      return { ok: false, fault: { code: "ISOLATION_FAILED", phase: "isolate", message } };
    }
    if (!outcome.ok) return outcome;
    return { ok: true, result: { ...outcome.result, places: places.map((place) => ({ ...place })) } };
  } finally {
    await held.close();
  }
}

type Start = (args: readonly string[]) => Omit<ProcessOptions, "stdin" | "onStdout" | "onStderr">;

async function runTool(call: Call, asked: ExecParameters, tool: Tool, start: Start): Promise<AdapterOutcome> {
  const { binary, files } = tool;
  const args = argumentsOf(asked, files);
  const version = asked.versionArgs === undefined ? undefined : await readVersion(start(asked.versionArgs));
  const stdout = openOutput(call.capture, "stdout");
  const stderr = openOutput(call.capture, "stderr");
  const started = performance.now();
  const end = await runProcess({
    ...start(args),
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
  process: Omit<ProcessOptions, "stdin" | "onStdout" | "onStderr">,
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
