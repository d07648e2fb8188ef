import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `ReceiptError`. `RECEIPT_MALFORMED`: the predicate does not fit its schema, a defect or a
 * changed ledger. `KEY_NOT_CERTIFIED`: the issuer key has no certificate of an issuer root.
 */
export type ReceiptErrorCode = "RECEIPT_MALFORMED" | "KEY_NOT_CERTIFIED";

/** Thrown when a receipt cannot be built or read. */
export class ReceiptError extends CodedError<ReceiptErrorCode> {}
