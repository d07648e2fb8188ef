import type { IsolationOffer } from "../../adapter/adapter.ts";
import { findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { runProcess } from "../../adapter/program/run-process.ts";
import { utf8Text } from "../../adapter/read-text.ts";
import { findPrograms, openSandbox, type SandboxPrograms } from "./open-sandbox.ts";

/** How long an answer of the host holds. */
const KEPT_MS = 60_000;
const PROBE_MS = 10_000;
/** From the range for documentation (RFC 5737): the probe gives it to its own `lo`. */
const PROBE_ADDRESS = "192.0.2.1";

const kept = new Map<string, { readonly until: number; readonly offer: Promise<IsolationOffer> }>();

/**
 * What this host can hold a tool with: everything a sandbox needs is done once, with a program that does nothing. Kept for a
 * minute for each search path; a sandbox that fails later fails its attempt.
 */
export function offerIsolation(root: string): Promise<IsolationOffer> {
  const key = `${root}\0${process.env.PATH ?? ""}`;
  const known = kept.get(key);
  if (known !== undefined && known.until > performance.now()) return known.offer;
  const offer = probe(root).catch((): IsolationOffer => ({ refused: "namespaces-refused" }));
  kept.set(key, { until: performance.now() + KEPT_MS, offer });
  return offer;
}

async function probe(root: string): Promise<IsolationOffer> {
  if (process.platform !== "linux") return { refused: "not-linux" };
  const programs = await findPrograms(root);
  if (programs === "ip") return { refused: "iproute2-missing" };
  if (typeof programs === "string") return { refused: "bubblewrap-missing" };
  const nothing = await findBinary("true", await searchFolders("/usr/bin:/bin", root));
  if (nothing === undefined || !(await works(programs, nothing.path, root)))
    return { refused: "namespaces-refused" };
  const tool = (await printed(programs.bwrap, ["--version"])).trim().slice(0, 100);
  return { held: { network: "namespace", files: "mounts", tool: tool === "" ? "bubblewrap" : tool } };
}

async function works(programs: SandboxPrograms, path: string, root: string): Promise<boolean> {
  const signal = AbortSignal.timeout(PROBE_MS);
  const program = { found: path, path };
  const sandbox = await openSandbox(programs, {
    program,
    args: [],
    inputs: [],
    root,
    cwd: "/tmp",
    places: [],
    signal,
    addresses: [PROBE_ADDRESS],
  });
  try {
    await printed(sandbox.path, sandbox.args);
    return sandbox.ran();
  } finally {
    await sandbox.close();
  }
}

async function printed(path: string, args: readonly string[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  await runProcess({
    path,
    argv0: "bwrap",
    args,
    cwd: "/",
    environment: { PATH: "/usr/bin:/bin" },
    stdin: undefined,
    signal: AbortSignal.timeout(PROBE_MS),
    onStdout: async (bytes) => void chunks.push(bytes),
    onStderr: async () => undefined,
  });
  return utf8Text(Buffer.concat(chunks)) ?? "";
}
