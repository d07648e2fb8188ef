import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const pinned = Type.Object({ id: word.id, version: word.version, digest: word.digest }, word.closed);

/** What a run pins when it opens: the subject of its `run-opened` receipt (design section 3). */
export const runDocumentSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/run/v1"),
    run: Type.String({ pattern: "^[0-9a-z]{4,64}$" }),
    runbook: pinned,
    engagement: pinned,
    principals: word.digest,
    policies: word.digest,
    catalogLock: word.digest,
    /** Digest of the authorization record's envelope (pre-authentication bytes). */
    authorization: word.digest,
    /** Every contract the runbook names. */
    contracts: Type.Array(pinned),
    inputs: Type.Record(Type.String(), Type.Unknown()),
    requester: word.id,
    objective: word.text,
    ticket: Type.Optional(word.text),
    technique: Type.Optional(word.text),
    draft: Type.Boolean(),
    /** Static step ids in order. */
    steps: Type.Array(Type.String()),
    /** Layers promised for this run; absent from a bundle they make it invalid. */
    requiredLayers: Type.Array(Type.Enum(["log", "time"])),
    /** The transparency log that the workspace had: its origin, and its key as a note key. */
    log: Type.Optional(
      Type.Object(
        {
          origin: Type.String({ minLength: 1, maxLength: 200 }),
          key: Type.String({ minLength: 50, maxLength: 300 }),
        },
        word.closed,
      ),
    ),
    openedAt: word.utc,
  },
  word.closed,
);
export type RunDocument = Static<typeof runDocumentSchema>;
