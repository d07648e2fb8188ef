import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { IN_TOTO_PAYLOAD_TYPE, preAuthEncoding } from "../format/dsse.ts";
import type { Signer } from "../format/signer.ts";
import type { Subject } from "../format/statement.ts";
import { buildStatement } from "./build-statement.ts";

/** A signed receipt: the statement's bytes, the signature, and the receipt digest. */
export interface SealedReceipt {
  readonly predicate: ReceiptPredicate;
  /** Canonical JSON of the statement: the DSSE payload. */
  readonly payload: Uint8Array;
  readonly keyId: string;
  readonly sig: Uint8Array;
  /** SHA-256 over the pre-authentication bytes (design section 8). */
  readonly digest: Digest;
}

/** Signs one receipt. The caller has read the head that `predicate.ledger` chains to, outside any transaction. */
export async function sealReceipt(
  signer: Signer,
  subject: readonly Subject[],
  predicate: ReceiptPredicate,
): Promise<SealedReceipt> {
  const payload = canonicalBytes(buildStatement(subject, predicate));
  const signed = preAuthEncoding(IN_TOTO_PAYLOAD_TYPE, payload);
  const sig = await signer.sign(signed);
  return { predicate, payload, keyId: signer.publicKey.keyId, sig, digest: digestOf(signed) };
}
