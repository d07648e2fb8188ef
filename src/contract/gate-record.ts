import Type, { type Static } from "typebox";
import { actionDocumentSchema } from "./action-document.ts";
import * as word from "./vocabulary.ts";

export const gateNames = [
  "catalog",
  "identity",
  "scope",
  "target-authorization",
  "environment",
  "policy",
  "approval",
  "input",
] as const;
export type GateName = (typeof gateNames)[number];
export const decisions = ["allow", "deny", "pause"] as const;
export type Decision = (typeof decisions)[number];

/** How the kernel holds a tool, and which program sets it up. */
export const heldSchema = Type.Object(
  {
    /** A network namespace without any interface to the outside. */
    network: Type.Literal("namespace"),
    /** A mount namespace that holds only what the tool may read. */
    files: Type.Literal("mounts"),
    /** E.g. `bubblewrap 0.8.0`. */
    tool: Type.String({ minLength: 1, maxLength: 100 }),
  },
  word.closed,
);
export type Held = Static<typeof heldSchema>;

/** How the code that makes a call is held: inside this process, by the kernel, or not. */
export const isolationSchema = Type.Union([Type.Enum(["in-process", "none"]), heldSchema]);
export const egressSchema = Type.Enum(["guarded", "kernel-held", "unguarded", "none"]);

/** What the host said that it can hold a tool with, or why it cannot. */
export const isolationOfferSchema = Type.Union([
  Type.Object({ held: heldSchema }, word.closed),
  Type.Object(
    {
      refused: Type.Enum(["not-linux", "bubblewrap-missing", "iproute2-missing", "namespaces-refused"]),
    },
    word.closed,
  ),
]);
export type IsolationOffer = Static<typeof isolationOfferSchema>;

/** Live status that was read for a decision; it only ever tightens (design section 3). */
export const liveStatusSchema = Type.Object(
  {
    contract: Type.Enum(["active", "suspended", "revoked"]),
    engagement: Type.Enum(["open", "halted", "closed"]),
    freeze: Type.Boolean(),
    disabledPrincipals: Type.Array(word.id),
    /** Ids of keys that are revoked, sorted; absent when there are none. */
    revokedKeys: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 10_000 }),
    ),
    /** Asked when the contract wants its tool isolated; the host's word. */
    isolation: Type.Optional(isolationOfferSchema),
  },
  word.closed,
);
export type LiveStatus = Static<typeof liveStatusSchema>;

/** An approval whose signature was checked, as a gate sees it. */
export const approvalFactSchema = Type.Object(
  {
    /** Digest of the approval envelope's pre-authentication bytes. */
    digest: word.digest,
    principal: word.id,
    decision: Type.Enum(["approve", "reject"]),
    keyId: Type.String(),
    custody: Type.Enum(["held", "local"]),
    reason: Type.Optional(word.text),
    notAfter: word.utc,
    /** Digest of the list that was approved at once, the action among it. */
    list: Type.Optional(word.digest),
  },
  word.closed,
);
export type ApprovalFact = Static<typeof approvalFactSchema>;

/** A person's signed word that they act without approval, as the approval gate sees it. */
export const breakGlassFactSchema = Type.Object(
  {
    /** Digest of the statement's envelope (pre-authentication bytes). */
    digest: word.digest,
    breakGlass: word.id,
    principal: word.id,
    keyId: Type.String(),
    custody: Type.Enum(["held", "local"]),
    /** The how manieth use of the permission this is, as the host counts. */
    use: Type.Integer({ minimum: 1 }),
  },
  word.closed,
);
export type BreakGlassFact = Static<typeof breakGlassFactSchema>;

/** A proof of domain control that was looked up and receipted, as the target-authorization gate sees it. */
export const proofFactSchema = Type.Object(
  {
    /** Id of the authorization in the engagement. */
    authorization: word.id,
    /** Digest of the receipt of the look-up. */
    receipt: word.digest,
    expiresAt: word.utc,
  },
  word.closed,
);
export type ProofFact = Static<typeof proofFactSchema>;

/** What arrived for an action that waits, and was checked, as a gate sees it. */
export const givenFactSchema = Type.Union([
  Type.Object(
    {
      what: Type.Literal("answer"),
      /** Digest of the answer's envelope (pre-authentication bytes). */
      digest: word.digest,
      principal: word.id,
      keyId: Type.String(),
      custody: Type.Enum(["held", "local"]),
      /** When it was recorded, by the host's clock. */
      at: word.utc,
    },
    word.closed,
  ),
  Type.Object(
    {
      what: Type.Literal("signal"),
      /** Digest of the signal document. */
      digest: word.digest,
      id: Type.String(),
      at: word.utc,
    },
    word.closed,
  ),
]);
export type GivenFact = Static<typeof givenFactSchema>;

/** What one gate decided, why, and the facts it saw. */
export const gateDecisionSchema = Type.Object(
  {
    gate: Type.Enum([...gateNames]),
    decision: Type.Enum([...decisions]),
    /** A reason code, e.g. `outside-scope`; `ok` when allowed. */
    reason: Type.String({ pattern: "^[a-z][a-z0-9-]*$" }),
    facts: Type.Record(Type.String(), Type.Unknown()),
  },
  word.closed,
);
export type GateDecision = Static<typeof gateDecisionSchema>;

/**
 * The record of one attempt's gates (design section 5): canonical JSON, committed with the dispatch or the
 * denial, its digest a subject of the receipt, so that a verifier can decide again.
 */
export const gateRecordSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/gate-record/v1"),
    action: actionDocumentSchema,
    actionDigest: word.digest,
    /** 1 for the first attempt. */
    attempt: Type.Integer({ minimum: 1 }),
    /** The host's clock. */
    decidedAt: word.utc,
    draft: Type.Boolean(),
    /** What the adapter of this contract can promise, and what holds its tool in this attempt. */
    adapter: Type.Object(
      {
        id: word.id,
        version: Type.String(),
        isolation: isolationSchema,
        egress: egressSchema,
      },
      word.closed,
    ),
    live: liveStatusSchema,
    approvals: Type.Array(approvalFactSchema),
    /** For an engagement with proofs of domain control. */
    proofs: Type.Optional(Type.Array(proofFactSchema)),
    breakGlass: Type.Optional(breakGlassFactSchema),
    /** For an action that waits for an answer or a webhook. */
    given: Type.Optional(Type.Array(givenFactSchema)),
    gates: Type.Array(gateDecisionSchema, { minItems: 1, maxItems: 8 }),
    decision: Type.Enum([...decisions]),
  },
  word.closed,
);
export type GateRecord = Static<typeof gateRecordSchema>;
