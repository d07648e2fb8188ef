import type { ApprovalFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { type ApprovalStatement, approvalStatementSchema } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { APPROVAL_PAYLOAD_TYPE } from "../format/statement.ts";
import { checkSignedStatement, type StatementRefusal } from "./check-signed-statement.ts";

export type CheckedApproval =
  | { readonly ok: true; readonly fact: ApprovalFact; readonly statement: ApprovalStatement }
  | { readonly ok: false; readonly reason: StatementRefusal };

/**
 * Checks an approval or a rejection: a statement that a person signed with an own key over one action digest.
 * Whether it counts for an action (its digest, role, expiry, independence) is decided by the approval gate.
 *
 * @param at when it was received: the key must be in force then.
 */
export async function checkApproval(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<CheckedApproval> {
  const kind = { payloadType: APPROVAL_PAYLOAD_TYPE, schema: approvalStatementSchema, human: true };
  const checked = await checkSignedStatement(kind, envelope, principals, at);
  if (!checked.ok) return checked;
  const { statement, digest, keyId, custody } = checked;
  const fact: ApprovalFact = Object.freeze({
    digest,
    principal: statement.principal,
    decision: statement.decision,
    keyId,
    custody,
    ...(statement.reason === undefined ? {} : { reason: statement.reason }),
    notAfter: statement.notAfter,
  });
  return Object.freeze({ ok: true, fact, statement });
}
