import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const publicKey = Type.String({ minLength: 40, maxLength: 400, pattern: "^[A-Za-z0-9+/]+=*$" });
const validity = { notBefore: Type.Optional(word.utc), notAfter: Type.Optional(word.utc) };

/** `trust.json`: what a reviewer trusts, made by them, kept outside any bundle (design section 11, `spec/trust.md`). */
export const trustSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Trust"),
    /** Keys that may certify issuer keys. */
    issuerRoots: Type.Array(Type.Object({ name: word.text, publicKey, ...validity }, word.closed), {
      maxItems: 100,
    }),
    /** People and services whose signatures count, with the roles the reviewer accepts. */
    principals: Type.Array(
      Type.Object(
        {
          id: word.id,
          type: Type.Enum([...word.principalKinds]),
          roles: Type.Array(Type.Enum([...word.roles]), { minItems: 1, uniqueItems: true }),
          keys: Type.Array(
            Type.Object(
              {
                publicKey: word.principalKey,
                passkey: Type.Optional(word.passkey),
                custody: Type.Enum(["held", "local"]),
                ...validity,
              },
              word.closed,
            ),
            { minItems: 1, maxItems: 20 },
          ),
        },
        word.closed,
      ),
      { maxItems: 10_000 },
    ),
    /** Definitions that count as authority without an owner's signature, by digest. */
    pinned: Type.Optional(Type.Array(word.digest, { maxItems: 1000 })),
    /** Layers without which the verdict is at best `indeterminate`. */
    require: Type.Optional(Type.Array(Type.Enum(["log", "time"]), { uniqueItems: true })),
    /** Stream heads that the reviewer has seen: continuity is anchored to them. */
    streams: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object({ seq: Type.Integer({ minimum: 0 }), digest: word.digest }, word.closed),
      ),
    ),
  },
  { ...word.closed, title: "WitnessOps trust file" },
);
export type Trust = Static<typeof trustSchema>;
