import { lstat, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

/** Where the sandbox finds what the host put there for it. */
export const INSIDE = "/run/witnessops";
/** Bytes that a tool may write in all of its scratch folder `/tmp`, which is memory. */
const SCRATCH_BYTES = 256 * 1024 * 1024;
const SYSTEM = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/** Files of `/etc` that programs need and that name no person, host or secret. */
const ETC = [
  "/etc/ld.so.cache",
  "/etc/alternatives",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/ca-certificates",
  "/etc/pki/tls/certs",
  "/etc/services",
  "/etc/protocols",
];

/** What of the host an isolated tool gets, read-only. */
export interface SandboxFiles {
  /** Folder with the plan, the relay's sockets and the generated files of `/etc`. */
  readonly folder: string;
  readonly forwarder: string;
  /** The program as it was found, and what it is with links resolved. */
  readonly program: { readonly found: string; readonly path: string };
  /** Files and folders of the workspace, absolute. */
  readonly inputs: readonly string[];
  /** The workspace, absolute. */
  readonly root: string;
  readonly cwd: "/tmp" | "workspace";
}

/**
 * Arguments of `bwrap` for the namespace in which the forwarder runs: user, process, network, IPC and host name are its
 * own, the network has `lo` only, and the file system is built from nothing. The two capabilities are over that network
 * alone; the forwarder starts the tool without them.
 */
export async function sandboxArguments(files: SandboxFiles): Promise<string[]> {
  const { folder, forwarder, program, inputs, root } = files;
  const args: string[] = [];
  for (const kind of ["user", "ipc", "pid", "net", "uts", "cgroup-try"]) args.push(`--unshare-${kind}`);
  args.push("--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--die-with-parent", "--new-session");
  args.push("--cap-drop", "ALL", "--cap-add", "CAP_NET_ADMIN", "--cap-add", "CAP_NET_BIND_SERVICE");
  args.push("--ro-bind", "/usr", "/usr", ...(await systemFolders()), "--proc", "/proc", ...devices());
  args.push("--perms", "1777", "--size", String(SCRATCH_BYTES), "--tmpfs", "/tmp");
  for (const path of ETC) args.push("--ro-bind-try", path, path);
  for (const name of ["hosts", "passwd", "nsswitch.conf"])
    args.push("--ro-bind", join(folder, name), `/etc/${name}`);
  args.push("--ro-bind", folder, `${INSIDE}/host`, "--ro-bind", process.execPath, `${INSIDE}/node`);
  args.push("--ro-bind", forwarder, `${INSIDE}/forwarder.mjs`);
  if (!inUsr(program.path)) args.push("--ro-bind", program.path, program.path);
  if (!inUsr(program.found) && program.found !== program.path)
    args.push("--ro-bind", program.path, program.found);
  if (files.cwd === "workspace") args.push("--dir", root);
  for (const path of inputs) args.push("--ro-bind", path, path);
  // The workspace's own ledger and keys are never a tool's input, wherever the workspace lies.
  const ledger = await ledgerOf(root);
  const visible = await Promise.all(["/usr", ...SYSTEM, ...ETC, ...inputs].map(realOf));
  if (ledger !== undefined && visible.some((path) => isInside(ledger, path))) args.push("--tmpfs", ledger);
  args.push("--chdir", files.cwd === "workspace" ? root : "/tmp", "--remount-ro", "/");
  return args;
}

/** Where the workspace's own ledger and keys really are; undefined when it has none. */
export async function ledgerOf(root: string): Promise<string | undefined> {
  const path = join(root, ".witnessops");
  return (await lstat(path).catch(() => undefined)) === undefined ? undefined : await realOf(path);
}

/** Whether a path is a folder, or lies below it. Both are real paths. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}${sep}`);
}

/** The path with links resolved; as it is where there is nothing. */
async function realOf(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

function inUsr(path: string): boolean {
  return path.startsWith("/usr/");
}

/** `/bin`, `/lib` and so on: links into `/usr`, or folders of their own on systems that keep them apart. */
async function systemFolders(): Promise<string[]> {
  const args: string[] = [];
  for (const path of SYSTEM) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink()) args.push("--symlink", await readlink(path), path);
    else if (found?.isDirectory()) args.push("--ro-bind", path, path);
  }
  return args;
}

/** No device but those that hold nothing: `bwrap --dev` would cost the capabilities over the network. */
function devices(): string[] {
  const args = ["--dir", "/dev", "--symlink", "/proc/self/fd", "/dev/fd"];
  for (const [index, name] of ["stdin", "stdout", "stderr"].entries())
    args.push("--symlink", `/proc/self/fd/${index}`, `/dev/${name}`);
  for (const name of ["null", "zero", "full", "random", "urandom"])
    args.push("--dev-bind", `/dev/${name}`, `/dev/${name}`);
  return args;
}
