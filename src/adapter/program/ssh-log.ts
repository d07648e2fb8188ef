import type { JsonObject } from "../../format/json.ts";
import type { Fault } from "../adapter.ts";

/**
 * Which of the client's functions write to its log, whatever its level is (ssh_config, `LogVerbose`). The level itself
 * is `QUIET`, so that the server's banner stays out of standard error.
 */
export const LOGGED = ["kex.c", "sshconnect.c", "sshconnect2.c", "clientloop.c", "packet.c:sshpkt_*fatal"]
  .map((place) => (place.includes(":") ? `${place}*` : `${place}:*`))
  .join(",");

/** What the client's log says about a connection. */
export interface SshLog {
  /** The key that the server presented, and what was agreed with it. */
  readonly session: JsonObject;
  readonly hostKeyRefused: boolean;
  readonly loggedIn: boolean;
  readonly loginRefused: boolean;
  /** Whether the command was sent, or was about to be. */
  readonly sent: boolean;
  /** What the server said that the command ended with; undefined when it said nothing of it. */
  readonly exitStatus: number | undefined;
  /** Whether the server said that a signal ended the command. Which one, the client does not tell. */
  readonly signalled: boolean;
}

/**
 * Reads the log of OpenSSH's client (8.5 and later). Every line begins with the place in the client that wrote it, so
 * that what a server says cannot be mistaken for it.
 */
export function readSshLog(text: string): SshLog {
  const find = (file: string, words: string) =>
    new RegExp(`^(?:debug[123]: )?${file}\\.c:\\w+\\(\\):\\d+ \\([^)]*\\): ${words}`, "m").exec(text);
  const hostKey = find("sshconnect", "Server host key: (\\S+) (SHA256:[A-Za-z0-9+/]{43})");
  const client = find("kex", "Local version string SSH-2\\.0-(.{1,255})$");
  const server = find("kex", "Remote protocol version 2\\.0, remote software version (.{1,255})$");
  const kex = find("kex", "kex: algorithm: (\\S+)");
  const cipher = find("kex", "kex: client->server cipher: (\\S+)");
  const exit = find("clientloop", "Exit status (\\d+)$");
  return {
    session: {
      hostKey: hostKey === null ? null : { type: hostKey[1] ?? "", fingerprint: hostKey[2] ?? "" },
      clientSoftware: client?.[1] ?? null,
      serverSoftware: server?.[1] ?? null,
      keyExchange: kex?.[1] ?? null,
      cipher: cipher?.[1] ?? null,
    },
    hostKeyRefused:
      find("sshconnect2?", "Host key verification failed") !== null ||
      find("packet", "Unable to negotiate with .*: no matching host key type found") !== null,
    loggedIn: find("sshconnect2", "Authenticated to ") !== null,
    loginRefused: find("sshconnect2", ".*: Permission denied \\(") !== null,
    sent: find("clientloop", "Sending (command|subsystem): ") !== null,
    exitStatus: exit === null ? undefined : Number(exit[1]),
    signalled: find("clientloop", "client_input_channel_req: channel \\d+ rtype exit-signal") !== null,
  };
}

/** Why a connection ended before the command did. */
export function sshFault(log: SshLog): Fault {
  const { session } = log;
  if (log.hostKeyRefused) {
    const message = "the server's host key is not the pinned one; nothing was sent";
    return { code: "HOST_KEY_CHANGED", phase: "connect", message, facts: { session } };
  }
  if (log.loginRefused && !log.loggedIn) {
    const message = "the server does not let this user in with this key";
    return { code: "AUTH_REJECTED", phase: "login", message, facts: { session } };
  }
  const code = "CONNECTION_LOST";
  if (session.keyExchange === null) {
    const message = "the server does not speak SSH, or agrees to no algorithm";
    return { code: "SSH_PROTOCOL", phase: "connect", message, facts: { session } };
  }
  return {
    code,
    phase: phaseOf(log),
    message: "the connection ended before the command did",
    facts: { session },
  };
}

/** How far the connection came. */
export function phaseOf(log: SshLog): "connect" | "login" | "response" {
  if (log.sent) return "response";
  return log.session.hostKey === null ? "connect" : "login";
}
