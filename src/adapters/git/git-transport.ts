import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { searchFolders } from "../../adapter/program/find-binary.ts";
import { quoteShell } from "../../adapter/program/quote-shell.ts";
import { openSshClient } from "../../adapter/program/ssh-client.ts";
import { sshFault } from "../../adapter/program/ssh-log.ts";
import type { JsonObject } from "../../format/json.ts";
import { type GitParameters, MAX_BYTES, parseRemote } from "./parameters.ts";

/** How git reaches the remote, over connections of the egress guard only. */
export interface GitTransport {
  readonly url: string;
  /** The whole environment of git. */
  readonly environment: Record<string, string>;
  /** An empty private folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Why the transport failed; undefined when it did not. */
  readFault(): Promise<Fault | undefined>;
  /** What is known of the remote, for the result. */
  describe(): Promise<JsonObject>;
  close(): Promise<void>;
}

/** What git is configured with, whatever stands in files of this host (git-config). */
const SETTINGS = {
  // Larger files are written as they come, so that only what must be in memory is under `GIT_ALLOC_LIMIT`.
  "core.bigFileThreshold": "8m",
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "credential.helper": "",
  "fetch.recurseSubmodules": "false",
  "fetch.unpackLimit": "1",
  "gc.auto": "0",
  "http.followRedirects": "false",
  "maintenance.auto": "false",
  "protocol.version": "2",
  "transfer.fsckObjects": "true",
};

/** Opens the transport. @throws EgressRefused, NetworkFault, SpawnFault. */
export async function openTransport(call: Call, asked: GitParameters): Promise<GitTransport | Fault> {
  const remote = parseRemote(asked.url);
  if (remote === undefined)
    return invalid("`url` is neither `https://host/path` nor `ssh://user@host/path`, or holds a password");
  const maxBytes = asked.maxBytes ?? MAX_BYTES;
  const folders = await searchFolders(process.env.PATH ?? "", call.root);
  const path = folders.join(delimiter);
  if (remote.kind === "https") {
    if (asked.hostKeys !== undefined) return invalid("`hostKeys` are of SSH remotes");
    // Only now: node:http costs a sixth of a short command's time.
    const { startRelay } = await import("./https-relay.ts");
    const relay = await startRelay(call, remote, maxBytes);
    const folder = await mkdtemp(join(tmpdir(), "witnessops-"));
    return {
      url: relay.url,
      environment: environmentOf(path, folder, "http", { ...SETTINGS, "http.extraHeader": relay.header }),
      folder,
      signal: call.signal,
      readFault: relay.readFault,
      describe: async () => ({ address: relay.address ?? null }),
      async close() {
        relay.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }
  const { hostKeys } = asked;
  if (hostKeys === undefined) return invalid("an SSH remote needs `hostKeys`");
  const client = await openSshClient(call, { ...remote, hostKeys }, maxBytes);
  if ("code" in client) return client;
  // Git itself adds the host and the command.
  const command = quoteShell([client.binary.path, ...client.args.slice(0, -2)]);
  return {
    url: `ssh://${client.args.at(-1)}${remote.path}`,
    environment: {
      ...environmentOf(path, client.folder, "ssh", SETTINGS),
      ...client.environment,
      GIT_SSH_COMMAND: command,
      GIT_SSH_VARIANT: "ssh",
    },
    folder: client.folder,
    signal: client.signal,
    async readFault() {
      if (client.flooded)
        return {
          code: "SIZE_EXCEEDED",
          phase: "response",
          message: `the remote sends more than ${maxBytes} bytes`,
        };
      const log = await client.readLog();
      return log.exitStatus === undefined ? sshFault(log) : undefined;
    },
    describe: async () => ({ address: client.address, session: (await client.readLog()).session }),
    close: client.close,
  };
}

function environmentOf(
  path: string,
  home: string,
  protocol: string,
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(settings);
  return {
    PATH: path,
    LC_ALL: "C",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    // A packet may name any size for an object, and git would ask the system for that much at once (environment.c).
    GIT_ALLOC_LIMIT: "64m",
    GIT_ALLOW_PROTOCOL: protocol,
    // In the environment and not in arguments, which every user of this host may read.
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

function invalid(message: string): Fault {
  return { code: "PARAMETERS_INVALID", phase: "prepare", message };
}
