import type { JsonObject } from "../../format/json.ts";
import type { Fault } from "../adapter.ts";

/**
 * Which of the client's functions write to its log, whatever its level is (ssh_config, `LogVerbose`). The level itself
 * is `QUIET`, so that the server's banner stays out of standard error.
 *
 * The client does not escape line breaks, so that a function that logs what a server says could be made to write lines
 * of another. Of these, three log words of the server's: `kex_exchange_identification`, which takes them line by line,
 * `userauth`, with its last words before the client ends, and `client_input_channel_req`, which only a server gets to
 * whose key is the pinned one and that let the client in.
 */
const FUNCTIONS = [
  "kex.c:kex_exchange_identification",
  "kex.c:choose_kex",
  "kex.c:choose_hostkeyalg",
  "kex.c:kex_choose_conf",
  "sshconnect.c:verify_host_key",
  "sshconnect2.c:verify_host_key_callback",
  "sshconnect2.c:ssh_userauth2",
  "sshconnect2.c:userauth",
  "clientloop.c:client_loop",
  "clientloop.c:client_input_channel_req",
];
export const LOGGED = FUNCTIONS.map((place) => `${place}():*`).join(",");

/** What the client's log says about a connection. */
export interface SshLog {
  /** The key that the server presented, and what was agreed with it. */
  readonly session: JsonObject;
  /** How the connection ended before the command was sent, where that is certain: by this client. */
  readonly refused: "protocol" | "host-key" | "login" | undefined;
  /** What the server said that the command ended with; undefined when it said nothing of it. */
  readonly exitStatus: number | undefined;
  /** Whether the server said that a signal ended the command. Which one, the client does not tell. */
  readonly signalled: boolean;
}

/**
 * Reads the log of OpenSSH's client (8.5 and later). Every line begins with the place in the client that wrote it.
 *
 * What happened before the login is read from the lines before it, and the command's end from those after it: a server
 * can make up neither. That a line is missing says nothing, as a disk may be full.
 */
export function readSshLog(text: string): SshLog {
  const lines = linesOf(text);
  const turn = lines.findIndex((line) => isDenied(line) || isIn(line));
  const turned = lines[turn];
  const start = turned === undefined ? lines : lines.slice(0, turn);
  const after = turned !== undefined && isLogin(turned) ? lines.slice(turn + 1) : [];
  const hostKey = find(
    start,
    "sshconnect.c:verify_host_key",
    /^Server host key: (\S+) (SHA256:[A-Za-z0-9+/]{43})$/,
  );
  const identified = "kex.c:kex_exchange_identification";
  const client = find(start, identified, /^Local version string SSH-2\.0-(.{1,255})$/);
  const server = find(
    start,
    identified,
    /^Remote protocol version 2\.0, remote software version (.{1,255})$/,
  );
  const kex = find(start, "kex.c:choose_kex", /^kex: algorithm: ([^\s(]+)$/);
  const cipher = find(start, "kex.c:kex_choose_conf", /^kex: client->server cipher: (\S+)/);
  const exit = after.findLast(
    ({ place, words }) => place === "clientloop.c:client_loop" && words.startsWith("Exit status "),
  );
  const exitStatus = /^Exit status (\d+)$/.exec(exit?.words ?? "")?.[1];
  const signal = find(
    after,
    "clientloop.c:client_input_channel_req",
    /^(?:client_input_channel_req: )?channel \d+ rtype exit-signal /,
  );
  return {
    session: {
      hostKey: hostKey === null ? null : { type: hostKey[1] ?? "", fingerprint: hostKey[2] ?? "" },
      clientSoftware: client?.[1] ?? null,
      serverSoftware: server?.[1] ?? null,
      keyExchange: kex?.[1] ?? null,
      cipher: cipher?.[1] ?? null,
    },
    refused: turned === undefined ? refusalOf(start) : isDenied(turned) ? "login" : undefined,
    exitStatus: exitStatus === undefined ? undefined : Number(exitStatus),
    signalled: signal !== null,
  };
}

interface Line {
  readonly place: string;
  readonly words: string;
}

/** The lines of the functions above, written by the process that wrote the first: before any server was heard. */
function linesOf(text: string): Line[] {
  const found: (Line & { readonly pid: string })[] = [];
  for (const line of text.split("\n")) {
    const parts = LINE.exec(line.replace(/\r$/, ""));
    const [, place = "", pid = "", words = ""] = parts ?? [];
    if (FUNCTIONS.includes(place) && pid === (found[0]?.pid ?? pid)) found.push({ place, pid, words });
  }
  return found;
}

const LINE = /^(?:debug[123]: )?(\w+\.c:\w+)\(\):\d+ \((?:bin=\S+, )?pid=(\d+)\): (.*)$/;

/** Ends in words of the server's, so that what follows is no line of its own; they are the client's last. */
function isDenied({ place, words }: Line): boolean {
  return place === "sshconnect2.c:userauth" && /: Permission denied \(/.test(words);
}

/** Whether the client was let in, or was already in when it wrote this. */
function isIn(line: Line): boolean {
  return isLogin(line) || line.place.startsWith("clientloop.c:");
}

function isLogin({ place, words }: Line): boolean {
  return place === "sshconnect2.c:ssh_userauth2" && words.startsWith("Authenticated to ");
}

function find(lines: readonly Line[], place: string, words: RegExp): RegExpExecArray | null {
  const found = lines.find((line) => line.place === place && words.test(line.words));
  return found === undefined ? null : words.exec(found.words);
}

/** The client's own last words, after which it sends nothing more. */
function refusalOf(lines: readonly Line[]): SshLog["refused"] {
  if (
    find(lines, "sshconnect2.c:verify_host_key_callback", /^Host key verification failed\.?$/) !== null ||
    find(lines, "kex.c:choose_hostkeyalg", /^kex: host key algorithm: \(no match\)$/) !== null
  )
    return "host-key";
  const isNoSsh = find(lines, "kex.c:kex_exchange_identification", NO_SSH) !== null;
  const isNoMatch = find(lines, "kex.c:choose_kex", /^kex: algorithm: \(no match\)$/) !== null;
  return isNoSsh || isNoMatch ? "protocol" : undefined;
}

/** Ends of a connection whose server did not even say that it speaks SSH. */
const NO_SSH = new RegExp(
  `^(?:kex_exchange_identification: )?(?:${[
    "Connection closed by remote host",
    "read: ",
    "write: ",
    "banner line contains invalid characters",
    "banner line too long",
    "No SSH version received in first ",
    "Protocol major versions differ: ",
  ].join("|")})`,
);

/** Why a connection ended before the command did. */
export function sshFault(log: SshLog): Fault {
  const { session, refused } = log;
  const phase = phaseOf(log);
  if (refused === "host-key") {
    const message = "the server's host key is not the pinned one; nothing was sent";
    return { code: "HOST_KEY_CHANGED", phase, message, facts: { session } };
  }
  if (refused === "login") {
    const message = "the server does not let this user in with this key";
    return { code: "AUTH_REJECTED", phase, message, facts: { session } };
  }
  if (refused === "protocol") {
    const message = "the server does not speak SSH, or agrees to no algorithm";
    return { code: "SSH_PROTOCOL", phase, message, facts: { session } };
  }
  const message = "the connection ended before the command did";
  return { code: "CONNECTION_LOST", phase, message, facts: { session } };
}

/** How far the connection came: `response`, that is, perhaps to the end, unless the client says that it did not. */
export function phaseOf({ refused }: SshLog): "connect" | "login" | "response" {
  if (refused === "login") return "login";
  return refused === undefined ? "response" : "connect";
}
