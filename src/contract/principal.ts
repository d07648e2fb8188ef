import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const { closed, text } = word;

const principalKey = Type.Object(
  {
    /** Base64 of the SubjectPublicKeyInfo, or an SSH public key without its comment. */
    publicKey: word.principalKey,
    passkey: Type.Optional(word.passkey),
    /** `held`: the person keeps it outside the workspace; `local`: the workspace's host holds it. */
    custody: Type.Enum(["held", "local"]),
    notBefore: Type.Optional(word.utc),
    notAfter: Type.Optional(word.utc),
  },
  closed,
);

/** A principal: an identity with roles and keys (design section 1). */
export const principalSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Principal"),
    id: word.id,
    type: Type.Enum([...word.principalKinds]),
    name: text,
    email: Type.Optional(Type.String({ pattern: "^[^@\\s]+@[^@\\s]+$", maxLength: 320 })),
    roles: Type.Array(Type.Enum([...word.roles]), { minItems: 1, uniqueItems: true }),
    keys: Type.Array(principalKey, { maxItems: 20 }),
  },
  { ...closed, title: "WitnessOps principal" },
);
export type Principal = Static<typeof principalSchema>;

/** All principals of a workspace, sorted by id: what a run pins by one digest. */
export const principalSetSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("PrincipalSet"),
    principals: Type.Array(principalSchema, { maxItems: 10_000 }),
  },
  closed,
);
export type PrincipalSet = Static<typeof principalSetSchema>;
