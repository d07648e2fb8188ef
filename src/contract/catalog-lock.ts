import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/**
 * The catalog's lock: pins every `id@version` to the digest of the contract (design section 3), and of the
 * runbook. The owner's authorization record covers it: what is not in it was authorized by nobody.
 */
export const catalogLockSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("CatalogLock"),
    contracts: Type.Record(word.reference, word.digest, word.closed),
    runbooks: Type.Optional(Type.Record(word.reference, word.digest, word.closed)),
  },
  { ...word.closed, title: "WitnessOps catalog lock" },
);
export type CatalogLock = Static<typeof catalogLockSchema>;
