/** Codes of what a verifier finds wrong, and what each means. The list is closed (`spec/verification.md`). */
export const failureCodes = {
  FAILURE_REQUIRED_FIELD_MISSING: "a required member is absent",
  FAILURE_BUNDLE_MALFORMED: "the bundle, or a document in it, does not have its form",
  FAILURE_HASH_MISMATCH: "a file's bytes differ from the hash that names or lists it",
  FAILURE_SIGNATURE_INVALID: "a signature does not verify, or its key was not valid",
  FAILURE_DIGEST_MISMATCH: "a document cites another by a digest that is not its digest",
  FAILURE_SCHEMA_VERSION_UNSUPPORTED: "a document names a schema version that this verifier does not know",
  FAILURE_CONTINUITY_BROKEN: "a stream's order or its chain is broken",
  FAILURE_COMPLETENESS: "something that must be there is absent, or is there twice",
  FAILURE_APPROVAL_INVALID: "an approval does not permit what was done",
  FAILURE_DECISION_MISMATCH: "deciding again gives another result than the record",
  FAILURE_TIMESTAMP_INVALID: "a timestamp does not verify",
  FAILURE_INCLUSION_INVALID: "a log inclusion proof does not verify",
  FAILURE_WITNESS_INVALID: "a witness cosignature does not verify",
  FAILURE_WITNESS_LINEAGE_MISMATCH: "a checkpoint is not of the log that it should be of",
  FAILURE_WITNESS_QUORUM_UNSATISFIED: "too few witnesses cosigned a checkpoint",
} as const;

export type FailureCode = keyof typeof failureCodes;
