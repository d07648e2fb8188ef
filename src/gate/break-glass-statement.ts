import type { BreakGlassFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import {
  type BreakGlassStatement,
  breakGlassStatementSchema,
  type ReviewStatement,
  reviewStatementSchema,
} from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { BREAK_GLASS_PAYLOAD_TYPE, REVIEW_PAYLOAD_TYPE } from "../format/statement.ts";
import {
  checkSignedStatement,
  type SignedStatement,
  type StatementRefusal,
} from "./check-signed-statement.ts";

export type CheckedBreakGlass =
  | { readonly ok: true; readonly fact: BreakGlassFact; readonly statement: BreakGlassStatement }
  | { readonly ok: false; readonly reason: StatementRefusal };

/**
 * Checks a person's word that they act without approval. Whether it stands for one is decided by the approval gate.
 *
 * @param at when it was received: the key must be in force then.
 * @param use the how manieth use of the permission it would be.
 */
export async function checkBreakGlass(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
  use: number,
): Promise<CheckedBreakGlass> {
  const kind = { payloadType: BREAK_GLASS_PAYLOAD_TYPE, schema: breakGlassStatementSchema, human: true };
  const checked = await checkSignedStatement(kind, envelope, principals, at);
  if (!checked.ok) return checked;
  const { statement, digest, keyId, custody } = checked;
  const { breakGlass, principal } = statement;
  const fact = Object.freeze({ digest, breakGlass, principal, keyId, custody, use });
  return Object.freeze({ ok: true, fact, statement });
}

/** Checks an independent person's signed review. @param at when it was received. */
export function checkReview(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<ReviewStatement>> {
  const kind = { payloadType: REVIEW_PAYLOAD_TYPE, schema: reviewStatementSchema, human: true };
  return checkSignedStatement(kind, envelope, principals, at);
}
