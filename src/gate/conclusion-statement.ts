import type { PrincipalSet } from "../contract/principal.ts";
import {
  type ConclusionStatement,
  conclusionStatementSchema,
  type WithdrawalStatement,
  withdrawalStatementSchema,
} from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { CONCLUSION_PAYLOAD_TYPE, WITHDRAWAL_PAYLOAD_TYPE } from "../format/statement.ts";
import {
  checkSignedStatement,
  type SignedStatement,
  type StatementRefusal,
} from "./check-signed-statement.ts";

/**
 * Checks a signed conclusion. Agents and services may conclude, but high confidence is a person's (design
 * section 9); that the cited results are strong is checked where they are known.
 *
 * @param at when it was received: the key must be in force then.
 */
export async function checkConclusion(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<ConclusionStatement>> {
  const kind = { payloadType: CONCLUSION_PAYLOAD_TYPE, schema: conclusionStatementSchema, human: false };
  const checked = await checkSignedStatement(kind, envelope, principals, at);
  if (checked.ok && checked.statement.confidence === "high" && checked.signer.type !== "human") {
    const reason: StatementRefusal = "principal-not-human";
    return Object.freeze({ ok: false, reason });
  }
  return checked;
}

/**
 * Checks a signed withdrawal of a conclusion. Whether its signer may is decided by `mayEndConclusion`.
 *
 * @param at when it was received: the key must be in force then.
 */
export function checkWithdrawal(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<WithdrawalStatement>> {
  const kind = { payloadType: WITHDRAWAL_PAYLOAD_TYPE, schema: withdrawalStatementSchema, human: false };
  return checkSignedStatement(kind, envelope, principals, at);
}
