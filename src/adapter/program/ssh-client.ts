import { mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Call, Fault } from "../adapter.ts";
import { type Binary, findBinary, searchFolders } from "./find-binary.ts";
import { ALIAS, pinHostKeys } from "./host-keys.ts";
import { KeyRefused, startKeyAgent } from "./key-agent.ts";
import { LOGGED, readSshLog, type SshLog } from "./ssh-log.ts";
import { bridgeStream } from "./stream-bridge.ts";

/** Most of the client's log that is kept, in bytes; a server that makes it longer is left. */
const MAX_LOG = 4 * 1024 * 1024;
const WATCH_MS = 250;

/** Where to log in, as whom, and which host keys are the right ones. */
export interface SshTarget {
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly hostKeys: readonly string[];
}

/** OpenSSH's client, ready to log in over a connection that the egress guard has made. */
export interface SshClient {
  readonly binary: Binary;
  /** Everything between the program's name and the command; ends with the host's alias. */
  readonly args: readonly string[];
  readonly environment: Record<string, string>;
  /** An empty private folder. */
  readonly folder: string;
  /** The call's signal, and the end of a server that floods the log. */
  readonly signal: AbortSignal;
  readonly address: string;
  /** What the client has noted so far. */
  readLog(): Promise<SshLog>;
  /** Whether the server was left because it sent too much. */
  readonly flooded: boolean;
  /** Ends the connection and the agent, and removes the folder. */
  close(): Promise<void>;
}

/**
 * Connects through the egress guard and prepares OpenSSH's client on that connection: the host keys pinned, the private
 * key in an agent of this call, no terminal, no forwarding, nobody's configuration.
 *
 * @param maxBytes most that the server may send, encrypted; default: no bound of its own.
 * @returns the client, or the fault that kept it from being made. @throws EgressRefused, NetworkFault, SpawnFault.
 */
export async function openSshClient(
  call: Call,
  target: SshTarget,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<SshClient | Fault> {
  const key = call.secrets.find(({ into }) => into.kind === "key")?.value;
  if (key === undefined)
    return fault("SECRET_MISSING", "the contract names no private key (`into.kind: key`)");
  const pinned = pinHostKeys(target.hostKeys);
  if (pinned === undefined)
    return fault(
      "PARAMETERS_INVALID",
      "a host key is neither a public key of SSH nor a fingerprint `SHA256:…`",
    );
  const folders = await searchFolders(process.env.PATH ?? "", call.root);
  const [binary, agent, add] = await Promise.all(
    ["ssh", "ssh-agent", "ssh-add"].map((name) => findBinary(name, folders)),
  );
  if (binary === undefined || agent === undefined || add === undefined)
    return { ...fault("NOT_FOUND", "OpenSSH's client is not on the search path"), phase: "spawn" };

  const { stream, address } = await call.network.connect({
    host: target.host,
    port: target.port ?? 22,
    signal: call.signal,
  });
  const folder = await mkdtemp(join(tmpdir(), "witnessops-"));
  const undo: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const environment = {
      PATH: folders.join(delimiter),
      LC_ALL: "C",
      SHELL: "/bin/sh",
      SSH_ASKPASS_REQUIRE: "never",
    };
    const paths = { log: join(folder, "log"), known: join(folder, "known"), agent: join(folder, "agent") };
    await writeFile(paths.log, "", { mode: 0o600 });
    await writeFile(paths.known, pinned.knownHosts, { mode: 0o600 });
    const flood = watchSize(paths.log);
    undo.push(() => flood.stop());
    let received = 0;
    const bridge = await bridgeStream(stream, join(folder, "stream"), (bytes) => {
      received += bytes;
      if (received > maxBytes) flood.abort();
    });
    undo.push(() => bridge.close());
    const signal = AbortSignal.any([call.signal, flood.signal]);
    const programs = { agent: agent.path, add: add.path };
    undo.push(await startKeyAgent(programs, key, paths.agent, { cwd: folder, environment, signal }));
    const options = [
      ...OPTIONS,
      ...pinned.options,
      `UserKnownHostsFile="${plain(paths.known)}"`,
      `IdentityAgent="${plain(paths.agent)}"`,
      `ProxyCommand=${plain(bridge.command)}`,
    ];
    return {
      binary,
      args: [
        ...["-F", "none", "-E", paths.log, ...options.flatMap((option) => ["-o", option])],
        ...["-T", "-a", "-x", "-l", target.user, "--", ALIAS],
      ],
      environment,
      folder,
      signal,
      address,
      readLog: async () => readSshLog(await readStart(paths.log)),
      get flooded() {
        return flood.signal.aborted;
      },
      close,
    };
  } catch (error) {
    await close();
    if (error instanceof KeyRefused && !call.signal.aborted) return fault(error.code, error.message);
    throw error;
  }
}

/** What holds for every connection (ssh_config). */
const OPTIONS = [
  "LogLevel=QUIET",
  `LogVerbose=${LOGGED}`,
  "BatchMode=yes",
  "StrictHostKeyChecking=yes",
  "GlobalKnownHostsFile=/dev/null",
  `HostKeyAlias=${ALIAS}`,
  "CheckHostIP=no",
  "UpdateHostKeys=no",
  "VerifyHostKeyDNS=no",
  "CanonicalizeHostname=no",
  "PreferredAuthentications=publickey",
  "PasswordAuthentication=no",
  "KbdInteractiveAuthentication=no",
  "IdentityFile=none",
  "ClearAllForwardings=yes",
  "PermitLocalCommand=no",
  "ControlMaster=no",
  "ControlPath=none",
  "RequestTTY=no",
  "EscapeChar=none",
];

function watchSize(path: string): { readonly signal: AbortSignal; abort(): void; stop(): void } {
  const controller = new AbortController();
  const timer = setInterval(async () => {
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size > MAX_LOG) controller.abort();
  }, WATCH_MS);
  return { signal: controller.signal, abort: () => controller.abort(), stop: () => clearInterval(timer) };
}

async function readStart(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, MAX_LOG));
    await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString("latin1");
  } finally {
    await file.close();
  }
}

function fault(code: string, message: string): Fault {
  return { code, phase: "prepare", message };
}

/** A value without tokens that the client would expand (ssh_config, TOKENS). */
function plain(text: string): string {
  return text.replaceAll("%", "%%");
}
