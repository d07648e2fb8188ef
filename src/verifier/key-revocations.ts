import { type KeyRevocationStatement, keyRevocationStatementSchema } from "../contract/key-statements.ts";
import type { Principal } from "../contract/principal.ts";
import { FormatError } from "../format/coded-error.ts";
import type { Envelope } from "../format/dsse.ts";
import { keyIdsOf } from "../format/key-ids.ts";
import { type KeyEntry, type PrincipalKey, parsePrincipalKey, signedByKey } from "../format/principal-key.ts";
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
  /** Every id that the key goes by which signed it. */
  readonly signer: ReadonlySet<string>;
}

/** A key revocation whose form was checked, but not its signature. */
export function keyRevocationOf(envelope: Envelope): Read<KeyRevocationStatement> {
  return readPayload(envelope, KEY_REVOCATION_PAYLOAD_TYPE, keyRevocationStatementSchema);
}

/** The revocations of the workspace's stream that an owner or a root signed (`spec/keys.md`), in its order. */
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
    const signer =
      principal === undefined
        ? await signingRoot(envelope, receipt, roots, findings)
        : await signingOwner(envelope, principal, receipt, { runs, anchor, findings });
    if (signer !== undefined)
      held.push({ keyId, since: millisOf(since) ?? Number.NEGATIVE_INFINITY, receipt, signer });
  }
  return held;
}

/** Ids of the root that signed a revocation; undefined, with a finding, when none that may did. */
async function signingRoot(
  envelope: Envelope,
  receipt: Receipt,
  roots: readonly IssuerRoot[],
  findings: Findings,
): Promise<ReadonlySet<string> | undefined> {
  const at = { receipt: receipt.digest };
  const root = await rootOf(envelope, roots);
  const { seq } = receipt.predicate.ledger;
  const hasEnded = root?.endedAt !== undefined && root.endedAt < seq;
  if (root !== undefined && !hasEnded) return new Set([root.key.keyId]);
  const isListed = roots.some(({ key }) => key.keyId === envelope.signature.keyId);
  if (hasEnded)
    findings.fail("FAILURE_SIGNATURE_INVALID", "a key was revoked by a root that had ended before", at);
  else if (isListed)
    findings.fail("FAILURE_SIGNATURE_INVALID", "the revocation of a key does not verify", at);
  else findings.doubt("a key was revoked by a root that neither the bundle nor the trust file names");
  return undefined;
}

/** Ids of the owner's key that signed a revocation; undefined, with a finding, when none that may did. */
async function signingOwner(
  envelope: Envelope,
  id: string,
  receipt: Receipt,
  { runs, anchor, findings }: { runs: readonly ClaimedRun[]; anchor: Anchor; findings: Findings },
): Promise<ReadonlySet<string> | undefined> {
  const at = { receipt: receipt.digest };
  const { claimedUtc } = receipt.predicate.time;
  const pinned = runs.flatMap(({ principals }) =>
    (principals?.principals ?? []).filter((one) => one.id === id && isOwner(one)),
  );
  if (pinned.length === 0) {
    findings.doubt(`a key was revoked by \`${id}\`, who is an owner by no principals of this bundle`);
    return undefined;
  }
  const signed = await Promise.all(pinned.map(({ keys }) => keyThatSigned(keys, envelope, claimedUtc)));
  const signer = signed.find((key) => key !== undefined);
  if (signer === undefined) {
    const message = `the revocation of a key is not signed with a key that \`${id}\` holds`;
    findings.fail("FAILURE_SIGNATURE_INVALID", message, at);
    return undefined;
  }
  const ids = keyIdsOf(signer);
  if (!anchor.given) return ids;
  const listed = anchor.principal(id);
  if (listed === undefined || !isOwner(listed))
    findings.untested(`the trust file does not list \`${id}\`, who revoked a key, as an owner`);
  else if ((await keyThatSigned(listed.keys, envelope, claimedUtc)) === undefined) {
    const message = `the revocation of a key is not signed with a key of \`${id}\` that the trust file lists`;
    findings.contradict("FAILURE_SIGNATURE_INVALID", message, at);
  }
  return ids;
}

function isOwner({ type, roles }: Pick<Principal, "type" | "roles">): boolean {
  return type === "human" && roles.includes("owner");
}

/** The key, held and in force, that made a signature. */
async function keyThatSigned(
  keys: readonly (KeyEntry & { custody: "held" | "local"; notBefore?: string; notAfter?: string })[],
  envelope: Envelope,
  at: string,
): Promise<PrincipalKey | undefined> {
  for (const entry of keys) {
    if (entry.custody !== "held" || entry.passkey !== undefined || !isValidAt(entry, at)) continue;
    const key = readKey(entry);
    if (key !== undefined && (await signedByKey(key, envelope))) return key;
  }
  return undefined;
}

/** Undefined for a key that cannot be read: it made no signature. */
function readKey(entry: KeyEntry): PrincipalKey | undefined {
  try {
    return parsePrincipalKey(entry);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}
