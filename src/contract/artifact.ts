import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** How an artifact was sealed (`spec/sealing.md`). */
export const sealedSchema = Type.Object(
  {
    /** SHA-256 of the salt, 32 bytes, and the plaintext after it. */
    commitment: word.digest,
    /** Who can open it. */
    recipients: Type.Array(word.ageRecipient, {
      minItems: 1,
      maxItems: word.MAX_RECIPIENTS,
      uniqueItems: true,
    }),
  },
  word.closed,
);
export type Sealed = Static<typeof sealedSchema>;

/** Metadata of a captured artifact, as it stands in receipts (design section 7). */
export const artifactSchema = Type.Object(
  {
    /** Reference id: `run/step/attempt/name` (`step[key]` inside a `forEach`). */
    id: Type.String({ maxLength: 512 }),
    name: Type.String({ pattern: "^[a-z][a-z0-9-]*$", maxLength: 64 }),
    digest: word.digest,
    size: Type.Integer({ minimum: 0 }),
    mediaType: Type.String({ maxLength: 200 }),
    /** Absent only of imported evidence that nobody has classified: it stays quarantined. */
    sensitivity: Type.Optional(Type.Enum([...word.sensitivities])),
    /** Set exactly when the sensitivity is `secret`: `digest` and `size` are then those of the age ciphertext. */
    sealed: Type.Optional(sealedSchema),
    capturedAt: word.utc,
    /** Where the bytes came from, in the adapter's words, e.g. `http response body`. */
    source: Type.String({ maxLength: 300 }),
    derivedFrom: Type.Optional(Type.String({ maxLength: 512 })),
    /** False when a secret was masked or the capture was cut short. */
    exact: Type.Boolean(),
    /** How many occurrences of secret values were masked. */
    masked: Type.Integer({ minimum: 0 }),
    /** Set when the bytes end early: `size` reached its bound, or the attempt ended. */
    truncated: Type.Optional(Type.Boolean()),
  },
  word.closed,
);
export type Artifact = Static<typeof artifactSchema>;

/** Name of the artifact that holds an attempt's structured result or fault; every attempt has one. */
export const RESULT_ARTIFACT = "result";
/** Most bytes of a result: what a verifier reads whole (`spec/bundle.md`, Bounds), with room for the salt of a sealed one. */
export const MAX_RESULT_BYTES = 16 * 1024 * 1024 - 32;
export const RESULT_MEDIA_TYPE = "application/vnd.witnessops.result.v1+json";
/** Name of the subject that is the gate record. */
export const GATE_RECORD = "gate-record";
