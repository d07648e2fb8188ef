import { readFileSync, readlinkSync } from "node:fs";

/** Where and since when a process runs, so that a reused process id is not taken for the same process. */
export interface ProcessIdentity {
  /** Boot of the host, and the namespace that process ids are counted in. */
  readonly host: string;
  /** When the process started, in the host's own count; empty where the host does not tell. */
  readonly started: string;
}

/** Identity of a process of this host. */
export function processIdentity(pid: number): ProcessIdentity {
  return { host: `${boot()} ${pidNamespace()}`, started: startOf(pid) };
}

/**
 * Whether the process is certainly gone: the host was booted since, or its id is free or taken by another.
 * A process in another namespace of this host cannot be judged and counts as alive.
 */
export function isGone(pid: number, identity: ProcessIdentity): boolean {
  const [theirBoot, theirNamespace] = identity.host.split(" ");
  if (theirBoot !== boot()) return true;
  if (theirNamespace !== pidNamespace()) return false;
  if (!isRunning(pid)) return true;
  return identity.started !== "" && identity.started !== startOf(pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  // A zombie has ended; only its parent has not asked yet.
  return statOf(pid)?.[0] !== "Z";
}

let bootMarker: string | undefined;
function boot(): string {
  // Where the host has no boot id, whether a process runs is all there is to go by.
  bootMarker ??= readOptional("/proc/sys/kernel/random/boot_id") ?? "-";
  return bootMarker;
}

let namespaceMarker: string | undefined;
function pidNamespace(): string {
  if (namespaceMarker === undefined) {
    try {
      namespaceMarker = readlinkSync("/proc/self/ns/pid");
    } catch {
      namespaceMarker = "-";
    }
  }
  return namespaceMarker;
}

function startOf(pid: number): string {
  return statOf(pid)?.[19] ?? "";
}

/** Fields of `/proc/<pid>/stat` from the third, the state, on (proc_pid_stat(5)). */
function statOf(pid: number): string[] | undefined {
  const stat = readOptional(`/proc/${pid}/stat`);
  // The second field, the name in brackets, may itself hold spaces and brackets.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
