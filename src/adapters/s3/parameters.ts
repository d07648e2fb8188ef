import Type, { type Static } from "typebox";

/** What the `s3` adapter takes: one operation on one bucket of an S3-compatible store. */
export const parameters = Type.Object(
  {
    operation: Type.Enum(["get", "head", "list", "put"]),
    /** Name of the service, without the bucket; always over TLS. */
    host: Type.String({ minLength: 1, maxLength: 253 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    region: Type.String({ pattern: "^[a-z0-9-]{1,40}$" }),
    bucket: Type.String({ pattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" }),
    /** `path` (default): the bucket begins the path. `virtual`: it begins the host's name. */
    addressing: Type.Optional(Type.Enum(["path", "virtual"])),
    /** Of `get`, `head` and `put`. */
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    /** Of `get` and `head`: a version other than the newest. */
    versionId: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9._-]{1,1024}$" })),
    /** Of `list`. */
    prefix: Type.Optional(Type.String({ maxLength: 1024 })),
    /** Of `list`: most keys; default 1000. */
    maxKeys: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    /** Of `put`: the object as text, or as base64. */
    text: Type.Optional(Type.String({ maxLength: 1_000_000 })),
    base64: Type.Optional(Type.String({ maxLength: 1_500_000, pattern: "^[A-Za-z0-9+/]*={0,2}$" })),
    /** Of `put`: what the content must have, in hex; it is compared before anything is sent. */
    sha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
    mediaType: Type.Optional(
      Type.String({ pattern: "^[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(; ?[A-Za-z0-9=.-]+)*$" }),
    ),
    /** Of `put`: default false, then an object that is there stays (`If-None-Match: *`). */
    overwrite: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type S3Parameters = Static<typeof parameters>;
