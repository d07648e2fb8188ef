import { canonicalBytes, parseJson } from "../format/canonical-json.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { type Envelope, envelopeDigest, envelopeFromJson, envelopeToJson } from "../format/dsse.ts";
import { RunError } from "./run-error.ts";
import type { Store } from "./store.ts";

interface Pin {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** A document ready to be stored: its canonical bytes under their digest. */
export function pinJson(value: unknown): Pin {
  const bytes = canonicalBytes(value);
  return { digest: digestOf(bytes), bytes };
}

const pins = new WeakMap<object, Pin>();

/**
 * As `pinJson`, for a definition, which many runs pin: a frozen one is written once and remembered by its
 * identity. Definitions are frozen in depth when they are parsed; one that is not is written each time.
 */
export function pinDefinition(value: object): Pin {
  const known = pins.get(value);
  if (known !== undefined) return known;
  const pin = pinJson(value);
  if (Object.isFrozen(value)) pins.set(value, pin);
  return pin;
}

/**
 * A signed statement ready to be stored: canonical JSON of the envelope, under the envelope's digest (SHA-256
 * of the pre-authentication bytes), by which receipts and conclusions name it.
 */
export function pinEnvelope(envelope: Envelope): { digest: Digest; bytes: Uint8Array } {
  return { digest: envelopeDigest(envelope), bytes: canonicalBytes(envelopeToJson(envelope)) };
}

/** A stored envelope. @throws RunError `PINNED_MISSING`. */
export function readEnvelope(store: Store, digest: Digest): Envelope {
  const bytes = store.document(digest);
  if (bytes === undefined) {
    throw new RunError({
      code: "PINNED_MISSING",
      message: `the ledger lacks the signed statement \`${digest}\``,
    });
  }
  return envelopeFromJson(parseJson(bytes));
}
