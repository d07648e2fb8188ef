import { type KeyRevocationStatement, keyRevocationStatementSchema } from "../contract/key-statements.ts";
import type { Principal } from "../contract/principal.ts";
import type { Envelope } from "../format/dsse.ts";
import { type KeyEntry, parsePrincipalKey, signedByKey } from "../format/principal-key.ts";
import { KEY_REVOCATION_PAYLOAD_TYPE } from "../format/statement.ts";
import { millisOf } from "../format/time.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type IssuerRoot, rootOf } from "./issuer-roots.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import { type Read, readPayload } from "./sigstore-envelope.ts";

/** A key that the workspace's own receipts revoke, by a statement that holds. */
export interface KeyRevocation {
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly receipt: Receipt;
}

/** A key revocation whose form was checked, but not its signature. */
export function keyRevocationOf(envelope: Envelope): Read<KeyRevocationStatement> {
  return readPayload(envelope, KEY_REVOCATION_PAYLOAD_TYPE, keyRevocationStatementSchema);
}

/** The revocations of the workspace's stream that an owner or a root signed (`spec/keys.md`). */
export async function keyRevocations(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  roots: readonly IssuerRoot[],
  anchor: Anchor,
  findings: Findings,
): Promise<KeyRevocation[]> {
  const held: KeyRevocation[] = [];
  for (const receipt of bundle.streams.get("workspace") ?? []) {
    const { event, detail } = receipt.predicate;
    if (event !== "key-revoked") continue;
    const envelope = bundle.envelope("key-revocation", String(detail?.revocation));
    const read = envelope && keyRevocationOf(envelope);
    // One that is absent or malformed is reported by the layer `structure`.
    if (envelope === undefined || read === undefined || "faults" in read) continue;
    const { keyId, since, principal } = read.value;
    const holds =
      principal === undefined
        ? await isByRoot(envelope, receipt, roots, findings)
        : await isByOwner(envelope, read.value, principal, receipt, { runs, anchor, findings });
    if (holds) held.push({ keyId, since: millisOf(since) ?? Number.NEGATIVE_INFINITY, receipt });
  }
  return held;
}

async function isByRoot(
  envelope: Envelope,
  receipt: Receipt,
  roots: readonly IssuerRoot[],
  findings: Findings,
): Promise<boolean> {
  const at = { receipt: receipt.digest };
  const root = await rootOf(envelope, roots);
  const { seq } = receipt.predicate.ledger;
  const hasEnded = root?.endedAt !== undefined && root.endedAt < seq;
  if (root !== undefined && !hasEnded) return true;
  const isListed = roots.some(({ key }) => key.keyId === envelope.signature.keyId);
  if (hasEnded)
    findings.fail("FAILURE_SIGNATURE_INVALID", "a key was revoked by a root that had ended before", at);
  else if (isListed)
    findings.fail("FAILURE_SIGNATURE_INVALID", "the revocation of a key does not verify", at);
  else findings.doubt("a key was revoked by a root that neither the bundle nor the trust file names");
  return false;
}

async function isByOwner(
  envelope: Envelope,
  { signedAt }: KeyRevocationStatement,
  id: string,
  receipt: Receipt,
  { runs, anchor, findings }: { runs: readonly ClaimedRun[]; anchor: Anchor; findings: Findings },
): Promise<boolean> {
  const at = { receipt: receipt.digest };
  const pinned = runs.flatMap(({ principals }) =>
    (principals?.principals ?? []).filter((one) => one.id === id && isOwner(one)),
  );
  if (pinned.length === 0) {
    findings.doubt(`a key was revoked by \`${id}\`, who is an owner by no principals of this bundle`);
    return false;
  }
  const signed = await Promise.all(pinned.map(({ keys }) => isSignedByOneOf(keys, envelope, signedAt)));
  if (!signed.includes(true)) {
    const message = `the revocation of a key is not signed with a key that \`${id}\` holds`;
    findings.fail("FAILURE_SIGNATURE_INVALID", message, at);
    return false;
  }
  if (!anchor.given) return true;
  const listed = anchor.principal(id);
  if (listed === undefined || !isOwner(listed))
    findings.untested(`the trust file does not list \`${id}\`, who revoked a key, as an owner`);
  else if (!(await isSignedByOneOf(listed.keys, envelope, signedAt))) {
    const message = `the revocation of a key is not signed with a key of \`${id}\` that the trust file lists`;
    findings.contradict("FAILURE_SIGNATURE_INVALID", message, at);
  }
  return true;
}

function isOwner({ type, roles }: Pick<Principal, "type" | "roles">): boolean {
  return type === "human" && roles.includes("owner");
}

async function isSignedByOneOf(
  keys: readonly (KeyEntry & { custody: "held" | "local"; notBefore?: string; notAfter?: string })[],
  envelope: Envelope,
  signedAt: string,
): Promise<boolean> {
  for (const entry of keys) {
    if (entry.custody !== "held" || entry.passkey !== undefined || !isValidAt(entry, signedAt)) continue;
    if (await signedByKey(parsePrincipalKey(entry), envelope).catch(() => false)) return true;
  }
  return false;
}
