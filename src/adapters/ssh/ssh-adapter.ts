import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { quoteShell } from "../../adapter/program/quote-shell.ts";
import { openOutput, parseOutput } from "../../adapter/program/read-output.ts";
import { runProcess, SpawnFault } from "../../adapter/program/run-process.ts";
import { openSshClient, type SshClient } from "../../adapter/program/ssh-client.ts";
import { phaseOf, type SshLog, sshFault } from "../../adapter/program/ssh-log.ts";
import type { JsonObject } from "../../format/json.ts";
import { parameters, type SshParameters } from "./parameters.ts";

/**
 * Runs one command on a host whose key is pinned, logged in with a private key. OpenSSH's client speaks the protocol, on
 * a connection that the egress guard has made.
 */
export const ssh: Adapter = {
  id: "ssh",
  version: "1.1.0",
  egress: "guarded",
  isolation: "none",
  parameters,
  async run(call) {
    const asked = call.with as SshParameters;
    let client: SshClient | undefined;
    try {
      const opened = await openSshClient(call, asked);
      if ("code" in opened) return { ok: false, fault: opened };
      client = opened;
      return await runCommand(call, asked, client);
    } catch (error) {
      if (error instanceof SpawnFault)
        return { ok: false, fault: { code: error.code, phase: "spawn", message: error.message } };
      return { ok: false, fault: await faultSoFar(error, call, client) };
    } finally {
      await client?.close();
    }
  },
};

/** A fault in the phase that the connection had come to. */
async function faultSoFar(error: unknown, call: Call, client: SshClient | undefined): Promise<Fault> {
  const log = await client?.readLog();
  if (client?.flooded === true && !call.signal.aborted) {
    const message = "the server makes the client's log too long";
    return { code: "SIZE_EXCEEDED", phase: log === undefined ? "connect" : phaseOf(log), message };
  }
  return faultOf(error, log === undefined ? "connect" : phaseOf(log), call.signal);
}

async function runCommand(call: Call, asked: SshParameters, client: SshClient): Promise<AdapterOutcome> {
  const stdout = openOutput(call.capture, "stdout", "remote");
  const stderr = openOutput(call.capture, "stderr", "remote");
  const command = quoteShell(asked.argv);
  const started = performance.now();
  const end = await runProcess({
    path: client.binary.path,
    argv0: "ssh",
    args: [...client.args, command],
    cwd: client.folder,
    environment: client.environment,
    stdin: asked.stdin,
    signal: client.signal,
    onStdout: stdout.take,
    onStderr: stderr.take,
  });
  const durationMs = Math.round(performance.now() - started);
  await stdout.end();
  await stderr.end();
  const log = await client.readLog();
  if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, phaseOf(log)) };
  client.signal.throwIfAborted();
  const fault = faultOfEnd(log, end.exitCode, asked.expectExit ?? [0]);
  if (fault !== undefined) return { ok: false, fault };
  const parsed = parseOutput(stdout, asked.parse);
  if (parsed === undefined) {
    const message = `standard output cannot be read as ${asked.parse}`;
    return { ok: false, fault: { code: "OUTPUT_UNREADABLE", phase: "parse", message } };
  }
  const errorText = stderr.text;
  const result: JsonObject = {
    client: { ...client.binary },
    address: client.address,
    session: log.session,
    argv: asked.argv,
    command,
    exitCode: end.exitCode,
    stdout: parsed,
    stderr: { size: stderr.size, ...(errorText === undefined ? {} : { text: errorText }) },
    durationMs,
  };
  return { ok: true, result };
}

/** What the end means: the client's own exit status 255 may also be the command's, so that its log decides. */
function faultOfEnd(log: SshLog, exitCode: number | null, expected: readonly number[]): Fault | undefined {
  const { session } = log;
  if (log.signalled) {
    const message = "the remote command was ended by a signal";
    return { code: "SIGNAL", phase: "exit", message, facts: { session } };
  }
  if (log.exitStatus === undefined || log.exitStatus !== exitCode) return sshFault(log);
  if (expected.includes(exitCode)) return undefined;
  const message = `exit status ${exitCode}`;
  return { code: "EXIT_STATUS", phase: "exit", message, facts: { exitCode, session } };
}
