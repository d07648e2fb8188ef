import Type, { type Static } from "typebox";

const text = Type.String({ maxLength: 100_000, pattern: "^[^\\u0000]*$" });
const variable = "^[A-Za-z_][A-Za-z0-9_]*$";

const tool = {
  /** Name of the tool. */
  tool: Type.String({ minLength: 1, maxLength: 200 }),
  arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Digest of the tool's definition (`spec/contract.md`); a tool that has another one is not called. */
  definition: Type.String({ pattern: "^sha256:[0-9a-f]{64}$" }),
};

/** What the `mcp` adapter takes: a tool of a server over streamable HTTP. */
export const httpParameters = Type.Object(
  { url: Type.String({ pattern: "^https?://", maxLength: 8192 }), ...tool },
  { additionalProperties: false },
);
export type HttpParameters = Static<typeof httpParameters>;

/** What the `mcp-stdio` adapter takes: a tool of a server that is a program of this host. */
export const stdioParameters = Type.Object(
  {
    /** Name of a program on the search path; never a path, never a shell line. */
    command: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]*$", maxLength: 100 }),
    args: Type.Optional(Type.Array(text, { maxItems: 1000 })),
    env: Type.Optional(Type.Record(Type.String({ pattern: variable }), text)),
    /** Variables of the host that the server gets, besides PATH, LANG and TZ. */
    passEnv: Type.Optional(Type.Array(Type.String({ pattern: variable }), { maxItems: 32 })),
    ...tool,
  },
  { additionalProperties: false },
);
export type StdioParameters = Static<typeof stdioParameters>;
