import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { RECEIPT_PREDICATE, STATEMENT_TYPE, type Statement, type Subject } from "../format/statement.ts";
import { ReceiptError } from "./receipt-error.ts";

/**
 * The in-toto Statement of a receipt (in-toto attestation framework v1, statement.md). Subjects are what
 * the event is about: captured artifacts and the gate record, or the document a governance event names.
 *
 * @throws ReceiptError `RECEIPT_MALFORMED` when there is no subject: a receipt about nothing proves nothing.
 */
export function buildStatement(
  subject: readonly Subject[],
  predicate: ReceiptPredicate,
): Statement<ReceiptPredicate> {
  if (subject.length === 0) {
    throw new ReceiptError({
      code: "RECEIPT_MALFORMED",
      message: `a \`${predicate.event}\` receipt needs a subject`,
    });
  }
  return { _type: STATEMENT_TYPE, subject, predicateType: RECEIPT_PREDICATE, predicate };
}
