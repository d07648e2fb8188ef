import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/**
 * Predicate of the authorization record: an owner's signature over the digests of engagement, principals,
 * policies and catalog lock. The digests are the statement's subjects, named `engagement`, `principals`,
 * `policies` and `catalog-lock`, in this order (design section 1, `spec/engagement.md`).
 */
export const authorizationPredicateSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/authorization/v1"),
    engagement: Type.Object({ id: word.id, version: word.version }, word.closed),
    principal: word.id,
    signedAt: word.utc,
    notAfter: word.utc,
  },
  word.closed,
);
export type AuthorizationPredicate = Static<typeof authorizationPredicateSchema>;
export const AUTHORIZATION_SUBJECTS = ["engagement", "principals", "policies", "catalog-lock"] as const;
