import Type, { type Static } from "typebox";

const text = Type.String({ maxLength: 30_000, pattern: "^[^\\u0000]*$" });

/** What the `ssh` adapter takes: one command on one host. */
export const parameters = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 253 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    user: Type.String({ pattern: "^[A-Za-z0-9_][A-Za-z0-9_.@-]*$", maxLength: 64 }),
    /** The host's keys, each as `<type> <base64>` or as the fingerprint `SHA256:<base64>`; every other is refused. */
    hostKeys: Type.Array(Type.String({ minLength: 1, maxLength: 2000 }), { minItems: 1, maxItems: 8 }),
    /** Program and arguments; each arrives as it is, whatever it contains. The login shell must be a POSIX one. */
    argv: Type.Array(text, { minItems: 1, maxItems: 200 }),
    stdin: Type.Optional(Type.String({ maxLength: 1_000_000 })),
    /** Default: 0. */
    expectExit: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), { minItems: 1 })),
    /** How standard output becomes a part of the result. Default: not. */
    parse: Type.Optional(Type.Enum(["none", "text", "lines", "json"])),
  },
  { additionalProperties: false },
);
export type SshParameters = Static<typeof parameters>;
