import Type, { type Static } from "typebox";

const text = Type.String({ maxLength: 100_000, pattern: "^[^\\u0000]*$" });
const variable = "^[A-Za-z_][A-Za-z0-9_]*$";

/** What the `exec` adapter takes. */
export const parameters = Type.Object(
  {
    /** Name of a program on the search path; never a path, never a shell line. */
    command: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]*$", maxLength: 100 }),
    args: Type.Array(text, { maxItems: 1000 }),
    stdin: Type.Optional(Type.String({ maxLength: 1_000_000 })),
    env: Type.Optional(Type.Record(Type.String({ pattern: variable }), text)),
    /** Variables of the host that the tool gets, besides PATH, LANG and TZ. */
    passEnv: Type.Optional(Type.Array(Type.String({ pattern: variable }), { maxItems: 32 })),
    /** Files that the tool reads, relative to the workspace; an argument equal to one becomes its absolute path. */
    files: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { maxItems: 64 })),
    /** Folders of the workspace that an isolated tool may read, relative to it. */
    folders: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { maxItems: 16 })),
    /** TCP ports that an isolated tool may dial on endpoints that name none. */
    ports: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), { maxItems: 512, uniqueItems: true }),
    ),
    /** Arguments that make the program print its version. */
    versionArgs: Type.Optional(Type.Array(text, { maxItems: 8 })),
    /** Default: 0. */
    expectExit: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), { minItems: 1 })),
    /** How standard output becomes a part of the result. Default: not. */
    parse: Type.Optional(Type.Enum(["none", "text", "lines", "json"])),
    /** Working directory: an empty temporary folder (default) or the workspace. */
    cwd: Type.Optional(Type.Enum(["empty", "workspace"])),
  },
  { additionalProperties: false },
);
export type ExecParameters = Static<typeof parameters>;
