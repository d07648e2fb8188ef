import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { buildEnvironment } from "../../adapter/program/build-environment.ts";
import { findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { callTool } from "./call-tool.ts";
import { type StdioParameters, stdioParameters } from "./parameters.ts";
import { startServer } from "./stdio-transport.ts";

/** How much of the server's standard error is kept, in bytes. */
const MAX_STDERR = 64 * 1024;

/**
 * One tool of an MCP server that is a program of this host. The program makes its own connections and is not isolated;
 * its binary is recorded, its tool's definition pinned and compared before the call.
 */
export const mcpStdio: Adapter = {
  id: "mcp-stdio",
  version: "1.0.0",
  egress: "unguarded",
  isolation: "none",
  parameters: stdioParameters,
  async run(call) {
    let folder: string | undefined;
    try {
      folder = await mkdtemp(join(tmpdir(), "witnessops-"));
      return await runServer(call, call.with as StdioParameters, folder);
    } catch (error) {
      return { ok: false, fault: faultOf(error, "response", call.signal) };
    } finally {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    }
  },
};

async function runServer(call: Call, asked: StdioParameters, cwd: string): Promise<AdapterOutcome> {
  const folders = await searchFolders(process.env.PATH ?? "", call.root);
  const built = buildEnvironment(asked, call.secrets, folders, process.env);
  if ("refused" in built)
    return refuse("ENVIRONMENT_REFUSED", `variable \`${built.refused}\` changes which code runs`);
  const binary = await findBinary(asked.command, folders);
  if (binary === undefined)
    return refuse("NOT_FOUND", `program \`${asked.command}\` is not on the search path`);
  const said: Uint8Array[] = [];
  let size = 0;
  const transport = startServer({
    path: binary.path,
    argv0: asked.command,
    args: asked.args ?? [],
    cwd,
    environment: built.environment,
    onStderr(bytes) {
      if (size < MAX_STDERR) said.push(bytes.subarray(0, MAX_STDERR - size));
      size += bytes.length;
    },
  });
  try {
    const outcome = await callTool(call, asked, transport);
    return outcome.ok ? { ok: true, result: { ...outcome.result, binary: { ...binary } } } : outcome;
  } finally {
    if (call.capture.wants("stderr")) {
      const writer = call.capture.open("stderr", { source: "mcp server" });
      for (const bytes of said) await writer.write(bytes);
      await writer.end();
    }
  }
}

function refuse(code: string, message: string): AdapterOutcome {
  return { ok: false, fault: { code, phase: "spawn", message } };
}
