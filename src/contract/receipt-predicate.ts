import Type, { type Static } from "typebox";
import { artifactSchema } from "./artifact.ts";
import { decisions, egressSchema, gateNames, isolationSchema } from "./gate-record.ts";
import * as word from "./vocabulary.ts";

const { closed } = word;

export const workspaceEvents = [
  "workspace-created",
  "key-certified",
  "key-retired",
  "key-revoked",
  "root-rotated",
  "principal-added",
  "principal-disabled",
  "catalog-published",
  "contract-suspended",
  "contract-revoked",
  "contract-reinstated",
  "freeze-began",
  "freeze-ended",
  "log-started",
] as const;
export const engagementEvents = [
  "engagement-authorized",
  "admission-denied",
  "run-opened",
  "run-closed",
  "engagement-halted",
  "engagement-closed",
  "conclusion-recorded",
  "conclusion-withdrawn",
  "break-glass-reviewed",
  "domain-control-proved",
] as const;
/** Named reasons why a result is operational input. */
export const exceptions = ["lab", "draft", "import", "bypass", "break-glass"] as const;
export type Exception = (typeof exceptions)[number];
/** Events that end an invocation. */
export const terminalEvents = [
  "step-executed",
  "step-failed",
  "step-denied",
  "step-skipped",
  "step-cancelled",
] as const;
export const runEvents = [
  "step-paused",
  "approval-recorded",
  "break-glass-recorded",
  "answer-recorded",
  "signal-recorded",
  "step-dispatched",
  "step-in-doubt",
  "step-resolved",
  "step-escalated",
  "step-expanded",
  "artifact-imported",
  ...terminalEvents,
] as const;
export type ReceiptEvent = (typeof workspaceEvents | typeof engagementEvents | typeof runEvents)[number];

const pinned = Type.Object({ id: word.id, version: word.version, digest: word.digest }, closed);

const attempt = Type.Object(
  {
    n: Type.Integer({ minimum: 1 }),
    startedAt: word.utc,
    endedAt: Type.Optional(word.utc),
    exit: Type.Enum(["executed", "failed", "in-doubt"]),
    resolvedAddress: Type.Optional(Type.String()),
    errorClass: Type.Optional(Type.String()),
    side: Type.Optional(Type.Enum([...word.sides])),
    /** Digest of the gate record that this attempt's dispatch was committed with. */
    dispatchDigest: word.digest,
  },
  closed,
);
export type AttemptFact = Static<typeof attempt>;

const invocation = Type.Object(
  {
    id: Type.String(),
    actionDigest: word.digest,
    dispatchDigest: Type.Optional(word.digest),
    attempts: Type.Array(attempt),
    identity: Type.Object(
      {
        method: Type.Enum(["none", "secret-reference"]),
        secretRef: Type.Optional(Type.Array(Type.String())),
      },
      closed,
    ),
    adapter: Type.Object({ id: word.id, version: Type.String() }, closed),
    isolation: isolationSchema,
    egress: egressSchema,
    outcome: Type.Enum([
      "executed",
      "failed",
      "denied",
      "in-doubt",
      "skipped",
      "cancelled",
      "paused",
      "dispatched",
    ]),
    errorClass: Type.Optional(Type.String()),
    side: Type.Optional(Type.Enum([...word.sides])),
    /** The contract's outputs, mapped by CEL from the `result` artifact; present when executed. */
    outputs: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);
export type Invocation = Static<typeof invocation>;

/** Predicate of every receipt (design section 8, `spec/receipt.md`). */
export const receiptPredicateSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/receipt/v1"),
    receiptId: Type.String({ pattern: "^[0-9a-f]{32}$" }),
    event: Type.Enum([...workspaceEvents, ...engagementEvents, ...runEvents]),
    ledger: Type.Object(
      {
        stream: Type.String({
          pattern: "^(workspace|engagement:[a-z0-9.-]+|run:[0-9a-z-]+)$",
          maxLength: 200,
        }),
        seq: Type.Integer({ minimum: 0 }),
        /** Receipt digest of the one before; null only for the first of a workspace or engagement stream. */
        prevHash: Type.Union([word.digest, Type.Null()]),
      },
      closed,
    ),
    time: Type.Object(
      {
        claimedUtc: word.utc,
        /** Digest of the newest witnessed checkpoint, as signed, that the host knew of: the receipt is not older. */
        lowerBound: Type.Optional(word.digest),
      },
      closed,
    ),
    actor: Type.Object({ principal: word.id, origin: Type.String({ maxLength: 100 }) }, closed),
    intent: Type.Object(
      { objective: word.text, ticket: Type.Optional(word.text), requestId: Type.String({ maxLength: 64 }) },
      closed,
    ),
    run: Type.Optional(Type.String({ maxLength: 64 })),
    contract: Type.Optional(pinned),
    runbook: Type.Optional(pinned),
    step: Type.Optional(
      Type.Object(
        {
          id: Type.String(),
          key: Type.Optional(Type.String()),
          /** The receipt is about the n-th read-back of the step's doubt, not about its action. */
          readBack: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        closed,
      ),
    ),
    engagement: Type.Optional(pinned),
    /** Receipt-style digest of the authorization record's envelope. */
    authorization: Type.Optional(word.digest),
    gates: Type.Optional(
      Type.Array(
        Type.Object(
          { gate: Type.Enum([...gateNames]), decision: Type.Enum([...decisions]), reason: Type.String() },
          closed,
        ),
      ),
    ),
    approvals: Type.Optional(
      Type.Array(
        Type.Object(
          {
            digest: word.digest,
            principal: word.id,
            decision: Type.Enum(["approve", "reject"]),
            keyId: Type.String(),
          },
          closed,
        ),
      ),
    ),
    invocation: Type.Optional(invocation),
    artifacts: Type.Optional(Type.Array(artifactSchema)),
    /** What stood outside our control for this call: the contract's second column, and how the tool was held. */
    boundary: Type.Optional(Type.Object({ external: Type.Array(Type.String()) }, closed)),
    verificationScope: Type.Object(
      { text: word.text, attests: Type.Optional(word.text), doesNotAttest: Type.Optional(word.text) },
      closed,
    ),
    /** Named reasons why the result is operational input: `lab`, `draft`, `import`, `bypass`, `break-glass`. */
    exceptions: Type.Array(Type.Enum([...exceptions])),
    /** Facts of events that are not calls; shapes by event in `spec/receipt.md`. */
    detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);
export type ReceiptPredicate = Static<typeof receiptPredicateSchema>;

/** The fixed text of every receipt's `verificationScope`. */
export const VERIFICATION_SCOPE_TEXT =
  "This receipt attests what was declared, decided, sent and captured, and how these are linked. It does not attest that an external system told the truth.";
