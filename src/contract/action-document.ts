import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const pinned = Type.Object({ id: word.id, version: word.version, digest: word.digest }, word.closed);

/**
 * The canonical description of exactly what will be done (design section 6, `spec/action-document.md`).
 * Its SHA-256 over canonical JSON is the action digest.
 */
export const actionDocumentSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/action/v1"),
    contract: pinned,
    runbook: pinned,
    engagement: pinned,
    run: Type.String({ maxLength: 64 }),
    step: Type.String({ maxLength: 64 }),
    forEachKey: Type.Optional(Type.String({ maxLength: 256 })),
    /** `run/step`, or `run/step[key]`. */
    invocation: Type.String({ maxLength: 400 }),
    effect: Type.Enum([...word.effects]),
    inputs: Type.Record(Type.String(), Type.Unknown()),
    subjects: Type.Array(Type.Object({ kind: Type.String(), value: Type.String() }, word.closed)),
    endpoints: Type.Array(
      Type.Object(
        { host: Type.String(), port: Type.Optional(Type.Integer()), protocol: Type.Enum(["tcp", "udp"]) },
        word.closed,
      ),
    ),
    requester: word.id,
    objective: word.text,
    ticket: Type.Optional(word.text),
    technique: Type.Optional(word.text),
    approvalRule: word.approvalRule,
    policyDigest: word.digest,
    idempotencyKey: Type.String({ maxLength: 64 }),
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type ActionDocument = Static<typeof actionDocumentSchema>;
export type ActionSubject = ActionDocument["subjects"][number];
export type ActionEndpoint = ActionDocument["endpoints"][number];
