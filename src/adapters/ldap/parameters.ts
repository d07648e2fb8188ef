import Type, { type Static } from "typebox";

const dn = Type.String({ maxLength: 2000 });
const attribute = Type.String({
  pattern: "^([A-Za-z][A-Za-z0-9-]*|[0-9]+([.][0-9]+)+)(;[A-Za-z0-9-]+)*$",
  maxLength: 200,
});
/** A text, or bytes in base64. */
const value = Type.Union([
  Type.String({ maxLength: 65_536 }),
  Type.Object({ base64: Type.String({ maxLength: 131_072 }) }, { additionalProperties: false }),
]);

/** What every operation takes. */
const common = {
  host: Type.String({ minLength: 1, maxLength: 253 }),
  /** Default 636 with TLS from the start, else 389. */
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  /** `ldaps` (default), `starttls`, or `none`: then no password is sent, see `cleartextPassword`. */
  security: Type.Optional(Type.Enum(["ldaps", "starttls", "none"])),
  /** With `security: none` a password goes only to an address of the loopback range, and only when this is true. */
  cleartextPassword: Type.Optional(Type.Boolean()),
  /** Who logs in with the secret of kind `password`; without it nobody does. `{name}` stands for one of `values`. */
  bindDn: Type.Optional(dn),
  /** Put in for `{name}` in `bindDn`, `base`, `dn` and `filter`, where they are values and never syntax. */
  values: Type.Optional(
    Type.Record(Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,63}$" }), Type.String({ maxLength: 4000 })),
  ),
};

const search = Type.Object(
  {
    ...common,
    operation: Type.Literal("search"),
    base: dn,
    /** Default `subtree`. */
    scope: Type.Optional(Type.Enum(["base", "one", "subtree"])),
    /** RFC 4515, e.g. `(&(objectClass=person)(uid={user}))`. */
    filter: Type.String({ minLength: 3, maxLength: 8192 }),
    /** Names of attributes, `*`, `+` or `1.1`. */
    attributes: Type.Array(Type.Union([attribute, Type.Enum(["*", "+", "1.1"])]), {
      minItems: 1,
      maxItems: 200,
    }),
    /** Most entries that are fetched; default 1000. */
    maxEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    /** The server ends the search after this many seconds; default 30. */
    timeLimitSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3600 })),
    /** Entries a page (RFC 2696); default 500. */
    pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { additionalProperties: false },
);

const modify = Type.Object(
  {
    ...common,
    operation: Type.Literal("modify"),
    dn: Type.String({ minLength: 1, maxLength: 2000 }),
    /** All of them or none. */
    changes: Type.Array(
      Type.Object(
        {
          op: Type.Enum(["add", "replace", "delete"]),
          attribute,
          values: Type.Optional(Type.Array(value, { maxItems: 1000 })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 100 },
    ),
  },
  { additionalProperties: false },
);

const compare = Type.Object(
  {
    ...common,
    operation: Type.Literal("compare"),
    dn: Type.String({ minLength: 1, maxLength: 2000 }),
    attribute,
    value,
  },
  { additionalProperties: false },
);

/** What the `ldap` adapter takes: one operation on one directory server. */
export const parameters = Type.Union([search, modify, compare]);
export type LdapParameters = Static<typeof parameters>;
export type SearchParameters = Static<typeof search>;
export type ModifyParameters = Static<typeof modify>;
export type CompareParameters = Static<typeof compare>;
