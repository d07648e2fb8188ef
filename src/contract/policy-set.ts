import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** Cedar policies by id with their schema: what a run pins and what re-decision uses. */
export const policySetSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("PolicySet"),
    language: Type.Object({ name: Type.Literal("cedar"), version: Type.String() }, word.closed),
    schema: Type.String(),
    policies: Type.Record(Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), Type.String(), word.closed),
  },
  word.closed,
);
export type PolicySet = Static<typeof policySetSchema>;
