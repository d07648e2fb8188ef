import Type, { type Static } from "typebox";

/** An address without a display name, quotes or comments: what RFC 5321 calls a dot-string at a domain, in ASCII. */
const address = Type.String({
  pattern:
    "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+([.][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
  maxLength: 254,
});

/** What the `smtp` adapter takes: one message of plain text to the recipients that are named. */
export const parameters = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 253 }),
    /** Default 465 with TLS from the start, else 587. */
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    /** `starttls` (default), `tls`, or `none`: then no password is sent, see `cleartextPassword`. */
    security: Type.Optional(Type.Enum(["starttls", "tls", "none"])),
    /** With `security: none` a password goes only to an address of the loopback range, and only when this is true. */
    cleartextPassword: Type.Optional(Type.Boolean()),
    /** Who logs in with the secret of kind `password`; without it nobody does. */
    user: Type.Optional(
      Type.String({ minLength: 1, maxLength: 254, pattern: "^[^\\u0000-\\u001f\\u007f]+$" }),
    ),
    /** How this client names itself; default `[127.0.0.1]`. */
    clientName: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9.:\\[\\]-]{1,253}$" })),
    from: address,
    to: Type.Array(address, { minItems: 1, maxItems: 50, uniqueItems: true }),
    subject: Type.String({
      minLength: 1,
      maxLength: 500,
      pattern: "^[^\\u0000-\\u001f\\u007f\\u2028\\u2029]+$",
    }),
    text: Type.String({ minLength: 1, maxLength: 100_000 }),
  },
  { additionalProperties: false },
);
export type SmtpParameters = Static<typeof parameters>;
