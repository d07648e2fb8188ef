import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** What an approver signs (design section 6): DSSE payload of type `APPROVAL_PAYLOAD_TYPE`. */
export const approvalStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/approval/v1"),
    decision: Type.Enum(["approve", "reject"]),
    actionDigest: word.digest,
    principal: word.id,
    reason: Type.Optional(word.text),
    notAfter: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type ApprovalStatement = Static<typeof approvalStatementSchema>;

/** What a person signs to settle an in-doubt attempt: DSSE payload of type `RESOLUTION_PAYLOAD_TYPE`. */
export const resolutionStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/resolution/v1"),
    /**
     * For an in-doubt attempt, `executed` or `failed`: what the person found, `retry`: it provably did not happen,
     * run it again. For a held step, `continue`: go on without it; `hand-over`: somebody else has it now, end the run.
     */
    finding: Type.Enum(["executed", "failed", "retry", "continue", "hand-over"]),
    invocation: Type.String(),
    attempt: Type.Integer({ minimum: 1 }),
    actionDigest: word.digest,
    principal: word.id,
    reason: word.text,
    signedAt: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type ResolutionStatement = Static<typeof resolutionStatementSchema>;

/** Findings that release a held step, not settle a doubt. */
export const releases: ReadonlySet<unknown> = new Set(["continue", "hand-over"]);

/** What a person signs to act without the approval that an action needs: DSSE payload of type `BREAK_GLASS_PAYLOAD_TYPE`. */
export const breakGlassStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/break-glass/v1"),
    /** Id of the permission in the engagement. */
    breakGlass: word.id,
    invocation: Type.String(),
    actionDigest: word.digest,
    principal: word.id,
    reason: word.text,
    signedAt: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type BreakGlassStatement = Static<typeof breakGlassStatementSchema>;

/** An independent person's review of a break-glass use: DSSE payload of type `REVIEW_PAYLOAD_TYPE`. */
export const reviewStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/review/v1"),
    engagement: word.id,
    run: Type.String({ maxLength: 64 }),
    /** Digest of the `break-glass-recorded` receipt. */
    receipt: word.digest,
    finding: Type.Enum(["justified", "unjustified"]),
    principal: word.id,
    reason: word.text,
    signedAt: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type ReviewStatement = Static<typeof reviewStatementSchema>;

/** A person's answer to a `manual` step: DSSE payload of type `ANSWER_PAYLOAD_TYPE`. */
export const answerStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/answer/v1"),
    invocation: Type.String(),
    actionDigest: word.digest,
    /** The form, filled in. */
    answer: Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Type.Unknown(), {
      maxProperties: 100,
    }),
    principal: word.id,
    signedAt: word.utc,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  },
  word.closed,
);
export type AnswerStatement = Static<typeof answerStatementSchema>;

/** A conclusion (design section 9): DSSE payload of type `CONCLUSION_PAYLOAD_TYPE`. Always inferred. */
export const conclusionStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/conclusion/v1"),
    run: Type.String(),
    label: Type.Literal("inferred"),
    statement: word.text,
    confidence: Type.Enum(["low", "medium", "high"]),
    cites: Type.Array(
      Type.Object({ receipt: word.digest, artifact: Type.Optional(word.digest) }, word.closed),
      { minItems: 1, maxItems: 1000 },
    ),
    /** Envelope digest of an earlier conclusion of the run that this one takes the place of. */
    supersedes: Type.Optional(word.digest),
    principal: word.id,
    signedAt: word.utc,
  },
  word.closed,
);
export type ConclusionStatement = Static<typeof conclusionStatementSchema>;

/** Takes a conclusion back: DSSE payload of type `WITHDRAWAL_PAYLOAD_TYPE`. What was concluded stays readable. */
export const withdrawalStatementSchema = Type.Object(
  {
    purpose: Type.Literal("witnessops/withdrawal/v1"),
    run: Type.String(),
    /** Envelope digest of the conclusion. */
    conclusion: word.digest,
    principal: word.id,
    reason: word.text,
    signedAt: word.utc,
  },
  word.closed,
);
export type WithdrawalStatement = Static<typeof withdrawalStatementSchema>;

/** Predicate of an issuer key certificate, signed by an issuer root (design section 8). */
export const keyCertificateSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/key-certificate/v1"),
    publicKey: Type.String({ pattern: "^[A-Za-z0-9+/]+=*$" }),
    keyId: Type.String(),
    purpose: Type.Literal("receipts"),
    issuedAt: word.utc,
    notBefore: word.utc,
    notAfter: word.utc,
  },
  word.closed,
);
export type KeyCertificate = Static<typeof keyCertificateSchema>;
