import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { parseJson } from "../format/canonical-json.ts";
import { deepFreeze, isJsonObject } from "../format/json.ts";
import { RECEIPT_PREDICATE, type Statement } from "../format/statement.ts";
import { ReceiptError } from "./receipt-error.ts";

/**
 * Reads the statement of a receipt that this workspace's own ledger holds. Its digest was checked when it
 * was stored; a verifier checks everything again and does not use this.
 *
 * @throws ReceiptError `RECEIPT_MALFORMED`.
 */
export function readReceipt(payload: Uint8Array): Statement<ReceiptPredicate> {
  const value = parseJson(payload);
  if (
    !isJsonObject(value) ||
    value.predicateType !== RECEIPT_PREDICATE ||
    !isJsonObject(value.predicate ?? null)
  ) {
    throw new ReceiptError({
      code: "RECEIPT_MALFORMED",
      message: "a ledger row is not a receipt",
      hint: "run `witnessops doctor` and keep the ledger file",
    });
  }
  return deepFreeze(value as unknown as Statement<ReceiptPredicate>);
}
