import type { KeyRevocationStatement } from "../contract/key-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { type PublicKey, publicKeyText } from "../format/public-key.ts";
import { WORKSPACE_STREAM } from "../ledger/streams.ts";
import type { SealedReceipt } from "../receipt/seal-receipt.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { named, record, rootRows } from "./record-governance.ts";
import { keyStatusRows } from "./revoked-keys.ts";

/** An issuer key signs nothing more: live from now on, in whichever process. */
export function recordKeyRetired(lane: Lane, actor: string, keyId: string): Promise<SealedReceipt> {
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "key-retired",
    actor,
    objective: "end an issuer key",
    detail: { keyId },
    change: { status: keyStatusRows([keyId], "retired") },
  });
}

/** The issuer root was succeeded by the one that it certified. */
export function recordRootRotated(
  lane: Lane,
  actor: string,
  previous: string,
  next: PublicKey,
  certificate: Envelope,
): Promise<SealedReceipt> {
  const pinned = pinEnvelope(certificate);
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "root-rotated",
    actor,
    objective: "rotate the issuer root",
    subject: [named("root-certificate", pinned.digest)],
    detail: {
      certificate: pinned.digest,
      previous,
      root: { publicKey: publicKeyText(next), keyId: next.keyId },
    },
    change: { documents: [pinned], status: rootRows(lane.issuerRoot, next.keyId) },
  });
}

/**
 * A key was revoked, by an owner or the issuer root: live from now on, for every process and every gate.
 *
 * @param ids every id that the key goes by.
 */
export function recordKeyRevoked(
  lane: Lane,
  actor: string,
  { keyId, since, reason }: KeyRevocationStatement,
  ids: Iterable<string>,
  revocation: Envelope,
): Promise<SealedReceipt> {
  const pinned = pinEnvelope(revocation);
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "key-revoked",
    actor,
    objective: "revoke a key",
    subject: [named("key-revocation", pinned.digest)],
    detail: { revocation: pinned.digest, keyId, since, reason },
    change: { documents: [pinned], status: keyStatusRows(ids, "revoked") },
  });
}
