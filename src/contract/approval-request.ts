import Type, { type Static } from "typebox";
import { actionDocumentSchema } from "./action-document.ts";
import * as word from "./vocabulary.ts";

/**
 * A request for approval, for an approver whose machine has no workspace (`spec/approval.md`). Only `action` is what a
 * decision is signed over, by its digest; the rest is the host's account of what stands around it.
 */
export const approvalRequestSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/approval-request/v1"),
    action: actionDocumentSchema,
    /** The actions of all elements of a `forEach` step, `action` the first of them: the decision is about the list. */
    list: Type.Optional(Type.Array(actionDocumentSchema, { minItems: 1, maxItems: 10_000 })),
    /** The contract whose digest the action names. */
    contract: Type.Record(Type.String(), Type.Unknown()),
    /** When the request ends, UTC; absent: with the engagement's window. */
    expiresAt: Type.Optional(word.utc),
    /** The action of this step that was approved and carried out before, if the host knows one. */
    before: Type.Optional(actionDocumentSchema),
    /** Who has approved so far. */
    approvedBy: Type.Array(word.id, { maxItems: 100 }),
  },
  word.closed,
);
export type ApprovalRequest = Static<typeof approvalRequestSchema>;

/** A decision that was signed elsewhere, on its way back to the workspace. */
export const signedDecisionSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/signed-decision/v1"),
    run: Type.String({ pattern: "^[0-9a-f]{1,64}$" }),
    /** DSSE JSON of the signed statement. */
    envelope: Type.Record(Type.String(), Type.Unknown()),
  },
  word.closed,
);
export type SignedDecision = Static<typeof signedDecisionSchema>;
