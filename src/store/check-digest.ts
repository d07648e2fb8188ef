import { parseJson } from "../format/canonical-json.ts";
import { digestOf } from "../format/digest.ts";
import { envelopeDigest, envelopeFromJson, IN_TOTO_PAYLOAD_TYPE } from "../format/dsse.ts";
import type { StoredReceipt } from "../run/store.ts";
import { StoreError } from "../run/store-error.ts";

/** Whether a receipt's bytes are those that its digest names. */
export function isReceiptIntact({ payload, digest }: StoredReceipt): boolean {
  return envelopeDigest({ payloadType: IN_TOTO_PAYLOAD_TYPE, payload }) === digest;
}

/** Whether bytes have their digest; a signed document is addressed by what its signature covers. */
export function isDocumentIntact(digest: string, bytes: Uint8Array): boolean {
  return digestOf(bytes) === digest || envelopeDigestOf(bytes) === digest;
}

/** The fault of a row that is not what was written. */
export function damagedRow(name: string): StoreError {
  return new StoreError({
    code: "STORE_CORRUPT",
    message: `the ledger is damaged: ${name} does not have its digest`,
    hint: "keep the file as it is and run `witnessops doctor`",
  });
}

function envelopeDigestOf(bytes: Uint8Array): string | undefined {
  try {
    return envelopeDigest(envelopeFromJson(parseJson(bytes)));
  } catch {
    return undefined;
  }
}
