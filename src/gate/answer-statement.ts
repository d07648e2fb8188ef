import type { GivenFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { type AnswerStatement, answerStatementSchema } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { ANSWER_PAYLOAD_TYPE } from "../format/statement.ts";
import { checkSignedStatement, type StatementRefusal } from "./check-signed-statement.ts";

export type CheckedAnswer =
  | { readonly ok: true; readonly fact: GivenFact & { what: "answer" }; readonly statement: AnswerStatement }
  | { readonly ok: false; readonly reason: StatementRefusal };

/**
 * Checks a person's signed answer to a `manual` step. Whether they may answer is decided by the input gate.
 *
 * @param at when it is looked at: the key must be in force then.
 * @param recordedAt when it was recorded, by the host's clock.
 */
export async function checkAnswer(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
  recordedAt: string,
): Promise<CheckedAnswer> {
  const kind = { payloadType: ANSWER_PAYLOAD_TYPE, schema: answerStatementSchema, human: true };
  const checked = await checkSignedStatement(kind, envelope, principals, at);
  if (!checked.ok) return checked;
  const { statement, digest, keyId, custody } = checked;
  const fact = Object.freeze({
    what: "answer" as const,
    digest,
    principal: statement.principal,
    keyId,
    custody,
    at: recordedAt,
  });
  return Object.freeze({ ok: true, fact, statement });
}
