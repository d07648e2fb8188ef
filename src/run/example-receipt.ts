import { canonicalBytes } from "../format/canonical-json.ts";
import { envelopeDigest, IN_TOTO_PAYLOAD_TYPE } from "../format/dsse.ts";
import { RECEIPT_PREDICATE, STATEMENT_TYPE } from "../format/statement.ts";
import type { Change, Head, StoredReceipt } from "./store.ts";

/** A receipt as the store sees it, with a true digest and place but no true signature. */
export function exampleReceipt(
  stream: string,
  previous: Head | undefined,
  { event = "step-executed", prevHash = previous?.digest ?? null, size = 0 } = {},
): StoredReceipt {
  const seq = previous === undefined ? 0 : previous.seq + 1;
  const payload = canonicalBytes({
    _type: STATEMENT_TYPE,
    subject: [{ name: "example", digest: { sha256: "0".repeat(64) } }],
    predicateType: RECEIPT_PREDICATE,
    predicate: { event, ledger: { stream, seq, prevHash }, padding: "x".repeat(size) },
  });
  const digest = envelopeDigest({ payloadType: IN_TOTO_PAYLOAD_TYPE, payload });
  return { stream, seq, digest, event, payload, keyId: "SHA256:example", sig: new Uint8Array(64) };
}

/** A change that appends the receipt after `previous`. */
export function appending(receipt: StoredReceipt, previous: Head | undefined): Change {
  return { append: [{ receipt, expectedHead: previous && headOf(previous) }] };
}

/** The head alone, without the rest of a receipt. */
export function headOf({ seq, digest }: Head): Head {
  return { seq, digest };
}
