import Type, { type Static } from "typebox";

/** What the `sql` adapter takes: one statement to a server, its values bound, never pasted. */
export const parameters = Type.Object(
  {
    /** Which protocol it speaks: `postgresql` (default), or `mysql`, which MariaDB speaks too. */
    system: Type.Optional(Type.Enum(["postgresql", "mysql"])),
    host: Type.String({ minLength: 1, maxLength: 253 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    database: Type.String({ minLength: 1, maxLength: 63 }),
    user: Type.String({ minLength: 1, maxLength: 63 }),
    /** `require` (default): TLS with a certificate that this host trusts for the host's name. */
    tls: Type.Optional(Type.Enum(["require", "disable"])),
    /** One statement, with `$1`, `$2`, … for the values; of `mysql` with `?`. */
    statement: Type.String({ minLength: 1, maxLength: 100_000, pattern: "^[^\\u0000]*$" }),
    values: Type.Optional(
      Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), { maxItems: 1000 }),
    ),
    /** `read` (default): in a transaction that may change nothing, and is rolled back. */
    access: Type.Optional(Type.Enum(["read", "write"])),
    /** Most rows that are fetched; default 1000. */
    maxRows: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    /** The server ends the statement after this many milliseconds; default 30,000. */
    statementTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 })),
  },
  { additionalProperties: false },
);
export type SqlParameters = Static<typeof parameters>;
