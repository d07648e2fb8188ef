import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const publicKey = Type.String({ minLength: 40, maxLength: 400, pattern: "^[A-Za-z0-9+/]+=*$" });
/** A key of signed notes, `<name>+<id>+<base64>` (C2SP signed-note). */
const noteKey = Type.String({
  minLength: 50,
  maxLength: 300,
  pattern: "^[^\\s+]+\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]+=*$",
  description: "a note key like `example.com/log+33d7b496+AeHT…`",
});
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
    /** Transparency logs, by exact name and key; `checkpoint` is a head that the reviewer has seen. */
    logs: Type.Optional(
      Type.Array(
        Type.Object(
          {
            key: noteKey,
            ...validity,
            checkpoint: Type.Optional(
              Type.Object(
                {
                  size: Type.Integer({ minimum: 1 }),
                  root: Type.String({ pattern: "^[A-Za-z0-9+/]{43}=$", description: "base64 of 32 bytes" }),
                },
                word.closed,
              ),
            ),
          },
          word.closed,
        ),
        { maxItems: 100 },
      ),
    ),
    /** Witnesses, by name and cosignature key. */
    witnesses: Type.Optional(Type.Array(Type.Object({ key: noteKey }, word.closed), { maxItems: 100 })),
    /** How many of the witnesses must have cosigned a checkpoint; default: none when there are no witnesses, else all. */
    witnessQuorum: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    /** Time stamping authorities (RFC 3161), by the certificates that they chain to: base64 of DER. */
    timeAuthorities: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: word.text,
            certificates: Type.Array(Type.String({ pattern: "^[A-Za-z0-9+/]+=*$", maxLength: 20_000 }), {
              minItems: 1,
              maxItems: 10,
            }),
            ...validity,
          },
          word.closed,
        ),
        { maxItems: 100 },
      ),
    ),
    /** How many of the authorities must have stamped; default 1. */
    timeThreshold: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    /** Keys, of whatever kind, that somebody else may have had since then. */
    compromised: Type.Optional(
      Type.Array(
        Type.Object({ keyId: Type.String({ minLength: 8, maxLength: 100 }), since: word.utc }, word.closed),
        { maxItems: 1000 },
      ),
    ),
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
