import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const keyId = Type.String({ minLength: 8, maxLength: 100 });

/** Predicate of a root certificate: an issuer root certifies the one that comes after it (`spec/keys.md`). */
export const rootCertificateSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/root-certificate/v1"),
    publicKey: Type.String({ pattern: "^[A-Za-z0-9+/]+=*$", maxLength: 400 }),
    keyId,
    /** Key id of the root that signs. */
    previous: keyId,
    issuedAt: word.utc,
  },
  word.closed,
);
export type RootCertificate = Static<typeof rootCertificateSchema>;

/**
 * What an owner, or the issuer root, signs of a key that may have been in other hands: payload of type
 * `KEY_REVOCATION_PAYLOAD_TYPE`.
 */
export const keyRevocationStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/key-revocation/v1"),
    keyId,
    since: word.utc,
    reason: word.text,
    /** The owner who signs; absent when the issuer root does. */
    principal: Type.Optional(word.id),
    signedAt: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type KeyRevocationStatement = Static<typeof keyRevocationStatementSchema>;
