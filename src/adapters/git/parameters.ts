import Type, { type Static } from "typebox";

/** What the `git` adapter takes: a remote, and what is read from it. */
export const parameters = Type.Object(
  {
    /** `https://host[:port]/path` or `ssh://user@host[:port]/path`, without password, query and fragment. */
    url: Type.String({ minLength: 8, maxLength: 2000, pattern: "^(https|ssh)://[^\\s?#\\\\]+$" }),
    /** Of an SSH remote, as for the `ssh` adapter. */
    hostKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 2000 }), { minItems: 1, maxItems: 8 }),
    ),
    /** The full object name of the commit that is fetched; without it, the refs are listed. */
    commit: Type.Optional(Type.String({ pattern: "^([0-9a-f]{40}|[0-9a-f]{64})$" })),
    /** Who may sign: lines of an allowed signers file (ssh-keygen, "ALLOWED SIGNERS"). */
    allowedSigners: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 4000, pattern: "^[^\\r\\n\\u0000]+$" }), {
        maxItems: 200,
      }),
    ),
    /** Most bytes that the remote may send; default 64 MiB. */
    maxBytes: Type.Optional(Type.Integer({ minimum: 1024, maximum: 4_294_967_296 })),
  },
  { additionalProperties: false },
);
export type GitParameters = Static<typeof parameters>;

export const MAX_BYTES = 64 * 1024 * 1024;

/** A remote, taken apart. */
export interface Remote {
  readonly kind: "https" | "ssh";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly path: string;
}

/** Reads a remote's URL; undefined when it is none, or holds a password. */
export function parseRemote(text: string): Remote | undefined {
  const url = URL.parse(text);
  if (url === null || url.password !== "" || url.hostname === "" || url.search !== "" || url.hash !== "")
    return undefined;
  const isSsh = url.protocol === "ssh:";
  if ((!isSsh && url.protocol !== "https:") || (url.username !== "") !== isSsh) return undefined;
  if (isSsh && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(url.username)) return undefined;
  const port = url.port === "" ? (isSsh ? 22 : 443) : Number(url.port);
  return {
    kind: isSsh ? "ssh" : "https",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    user: url.username,
    path: url.pathname,
  };
}
