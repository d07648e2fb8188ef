import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openRelay, type Place, type Relay } from "../../adapter/egress/relay.ts";
import { normalAddress } from "../../adapter/host-name.ts";
import type { Network } from "../../adapter/network.ts";
import { findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { INSIDE, type SandboxFiles, sandboxArguments } from "./sandbox-arguments.ts";
import { systemCallFilter } from "./system-call-filter.ts";

/** Runs inside; a build puts it beside the chunk that this file is in. */
const BUILT = fileURLToPath(new URL("forwarder.mjs", import.meta.url));
const FORWARDER = existsSync(BUILT)
  ? BUILT
  : fileURLToPath(new URL("../../adapter/egress/forwarder.mjs", import.meta.url));

/** The file of the system call filter, in the sandbox's folder. */
const FILTER = "filter.bpf";

/** The programs that set a sandbox up. */
export interface SandboxPrograms {
  readonly bwrap: string;
  readonly ip: string;
  readonly setpriv: string;
}

/** A tool that is ready to be started in a sandbox of its own. */
export interface Sandbox {
  /** Path and arguments of the program that sets the sandbox up and starts the tool in it. */
  readonly path: string;
  readonly args: readonly string[];
  readonly places: readonly Place[];
  /** Whether the tool itself ran and ended; else the sandbox failed. */
  ran(): boolean;
  close(): Promise<void>;
}

/** What runs in a sandbox, and what it is given. */
export interface SandboxedTool extends Omit<SandboxFiles, "folder" | "forwarder"> {
  readonly args: readonly string[];
  readonly places: readonly { readonly host: string; readonly port: number }[];
  /** Needed where there are places. */
  readonly network?: Network;
  readonly signal: AbortSignal;
  /** Further addresses of the sandbox's `lo`. Default none. */
  readonly addresses?: readonly string[];
}

/** Finds the programs that set a sandbox up; the name of the first that is missing. */
export async function findPrograms(root: string): Promise<SandboxPrograms | "bwrap" | "ip" | "setpriv"> {
  const folders = await searchFolders(process.env.PATH ?? "", root);
  // `ip` is for administrators on many systems, whose folders others do not search.
  const system = await searchFolders([...folders, "/usr/sbin", "/sbin"].join(delimiter), root);
  const bwrap = (await findBinary("bwrap", folders))?.path;
  const ip = (await findBinary("ip", system))?.path;
  const setpriv = (await findBinary("setpriv", folders))?.path;
  if (bwrap === undefined) return "bwrap";
  if (ip === undefined) return "ip";
  return setpriv === undefined ? "setpriv" : { bwrap, ip, setpriv };
}

/**
 * Prepares a sandbox (decision 0023): dials the tool's places through the egress guard, and writes what the forwarder
 * inside is to do. Nothing of the tool runs yet.
 *
 * @throws EgressRefused when the guard refuses a place, and the file system's errors.
 */
export async function openSandbox(programs: SandboxPrograms, tool: SandboxedTool): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), "witnessops-"));
  let ran = false;
  const control = createServer((socket) => {
    ran = true;
    socket.on("error", () => undefined).end();
  });
  let relay: Relay | undefined;
  const close = async () => {
    control.close();
    relay?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (tool.network !== undefined) relay = await openRelay(tool.network, tool.places, folder, tool.signal);
    const places = [...(relay?.places ?? []).entries()].filter(([, place]) => place !== undefined);
    await new Promise<void>((resolve, reject) => {
      control.once("error", reject).listen(join(folder, "ran"), resolve);
    });
    await writeEtc(
      folder,
      places.map(([, place]) => place),
    );
    const addresses = new Set([...places.map(([, { address }]) => address), ...(tool.addresses ?? [])]);
    const listening = new Map(
      places
        .filter(([, { state }]) => state !== "refused")
        // Several names may stand for one address. One that answered goes before one that did not.
        .sort(([, one], [, other]) => Number(one.state === "open") - Number(other.state === "open"))
        .map(([index, { address, port, state }]) => [
          `${address} ${port}`,
          { address, port, socket: state === "open" ? String(index) : null },
        ]),
    );
    const filter = systemCallFilter(process.arch);
    if (filter !== undefined) await writeFile(join(folder, FILTER), filter);
    const plan = {
      ip: programs.ip,
      addresses: [...addresses].filter((address) => !/^(127\.|::1$)/.test(address)),
      places: [...listening.values()],
      filter: filter === undefined ? null : FILTER,
      command: [...startWithout(programs, filter !== undefined), tool.program.found, ...tool.args],
    };
    await writeFile(join(folder, "plan.json"), JSON.stringify(plan));
    const outer = await sandboxArguments({ ...tool, folder, forwarder: FORWARDER });
    const args = [...outer, "--", `${INSIDE}/node`, `${INSIDE}/forwarder.mjs`, `${INSIDE}/host/plan.json`];
    return { path: programs.bwrap, args, places: places.map(([, place]) => place), ran: () => ran, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Starts a program without any capability, in a user namespace below that of the network, where it cannot make another:
 * it can neither change the addresses nor reach more of the kernel than any program.
 */
function startWithout({ setpriv, bwrap }: SandboxPrograms, isFiltered: boolean): string[] {
  const drop = [setpriv, "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"];
  const inner = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--die-with-parent"];
  // Where this process is root the tool is it too, outside, and the kernel's switches belong to root.
  const switches = ["--ro-bind", "/proc", "/proc"];
  // The forwarder opens both files.
  const files = ["--json-status-fd", "3", ...(isFiltered ? ["--seccomp", "4"] : [])];
  return [...drop, bwrap, ...inner, ...files, "--dev-bind", "/", "/", ...switches, "--"];
}

/** Names resolve to the addresses that the guard checked, and to nothing else. */
async function writeEtc(folder: string, places: readonly Place[]): Promise<void> {
  const named = places.filter(({ host }) => normalAddress(host) === undefined);
  const lines = new Set(named.map(({ host, address }) => `${address} ${host.replace(/\.$/, "")}`));
  const hosts = ["127.0.0.1 localhost", ...lines].join("\n");
  await writeFile(join(folder, "hosts"), `${hosts}\n`);
  await writeFile(join(folder, "passwd"), "tool:x:1000:1000::/tmp:/usr/sbin/nologin\n");
  await writeFile(join(folder, "nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files\n");
}
