import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import type { Call, Fault } from "../../adapter/adapter.ts";
import type { Place } from "../../adapter/egress/relay.ts";
import { type Binary, searchFolders } from "../../adapter/program/find-binary.ts";
import { argumentsOf, type ToolFile } from "./hash-files.ts";
import { findPrograms, openSandbox, type Sandbox } from "./open-sandbox.ts";
import type { ExecParameters } from "./parameters.ts";
import { isInside, ledgerOf } from "./sandbox-arguments.ts";

/** How many places one tool may be offered. */
const MAX_PLACES = 512;

/** The sandboxes of one call: the tool's, and one without any place for asking its version. */
export interface Isolated {
  readonly main: Sandbox;
  readonly version: Sandbox;
  readonly places: readonly Place[];
  close(): Promise<void>;
}

/** Where a program was found: what it is called by, with its last link not resolved. */
export async function findEntry(command: string, binary: Binary, root: string): Promise<string> {
  for (const folder of await searchFolders(process.env.PATH ?? "", root)) {
    const found = join(folder, command);
    if ((await realpath(found).catch(() => undefined)) === binary.path) return found;
  }
  return binary.path;
}

/**
 * Prepares the sandboxes of a call, or says why there can be none.
 *
 * @throws EgressRefused when the guard refuses an endpoint.
 */
export async function isolate(
  call: Call,
  asked: ExecParameters,
  program: { readonly found: string; readonly path: string },
  files: readonly Pick<ToolFile, "path" | "absolute">[],
): Promise<Isolated | Fault> {
  const root = await realpath(call.root);
  const places = placesOf(call, asked.ports ?? []);
  if ("code" in places) return places;
  const folders = await readFolders(asked.folders ?? [], root);
  if (typeof folders === "string")
    return fault("NOT_FOUND", `the workspace has no folder \`${folders}\` for tools`);
  const inputs = [...folders, ...files.map(({ absolute }) => absolute)];
  const ledger = await ledgerOf(root);
  if (ledger !== undefined && inputs.some((path) => isInside(path, ledger)))
    return fault("INPUT_REFUSED", "a tool does not read the workspace's own `.witnessops`");
  const programs = await findPrograms(call.root);
  if (typeof programs === "string") return fault("ISOLATION_FAILED", `there is no program \`${programs}\``);
  const cwd = asked.cwd === "workspace" ? ("workspace" as const) : ("/tmp" as const);
  const tool = { program, inputs, root, cwd, signal: call.signal };
  const version = await openSandbox(programs, { ...tool, args: asked.versionArgs ?? [], places: [] });
  try {
    const args = argumentsOf(asked, files);
    const main = await openSandbox(programs, { ...tool, args, places, network: call.network });
    const close = async () => {
      await main.close();
      await version.close();
    };
    return { main, version, places: main.places, close };
  } catch (error) {
    await version.close();
    throw error;
  }
}

/** Every address and port that the tool may dial, by the endpoints in scope. */
function placesOf(
  { network }: Call,
  ports: readonly number[],
): readonly { readonly host: string; readonly port: number }[] | Fault {
  const places = new Map<string, { host: string; port: number }>();
  for (const { host, port, protocol } of network.endpoints) {
    if (protocol !== "tcp") return fault("PROTOCOL_REFUSED", "an isolated tool is offered TCP only");
    const named = port === undefined ? ports : [port];
    if (named.length === 0)
      return fault("PORTS_MISSING", `endpoint \`${host}\` names no port, and \`ports\` neither`);
    for (const each of named) places.set(`${host} ${each}`, { host, port: each });
  }
  if (places.size > MAX_PLACES) return fault("PLACES_EXCEEDED", `more than ${MAX_PLACES} places`);
  return [...places.values()];
}

/** Real paths of folders of the workspace; the first that is none, or leads out, instead. */
async function readFolders(paths: readonly string[], root: string): Promise<readonly string[] | string> {
  const folders: string[] = [];
  for (const path of paths) {
    if (isAbsolute(path) || path.split(/[\\/]/).includes("..")) return path;
    const real = await realpath(join(root, path)).catch(() => undefined);
    if (
      real === undefined ||
      !`${real}${sep}`.startsWith(`${root}${sep}`) ||
      !(await stat(real)).isDirectory()
    )
      return path;
    folders.push(real);
  }
  return folders;
}

function fault(code: string, message: string): Fault {
  return { code, phase: "isolate", message };
}
