import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** Metadata of a captured artifact, as it stands in receipts (design section 7). */
export const artifactSchema = Type.Object(
  {
    /** Reference id: `run/step/attempt/name` (`step[key]` inside a `forEach`). */
    id: Type.String({ maxLength: 512 }),
    name: Type.String({ pattern: "^[a-z][a-z0-9-]*$", maxLength: 64 }),
    digest: word.digest,
    size: Type.Integer({ minimum: 0 }),
    mediaType: Type.String({ maxLength: 200 }),
    sensitivity: Type.Enum([...word.sensitivities]),
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
export const RESULT_MEDIA_TYPE = "application/vnd.witnessops.result.v1+json";
/** Name of the subject that is the gate record. */
export const GATE_RECORD = "gate-record";
