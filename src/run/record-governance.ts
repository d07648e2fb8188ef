import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { LogStarted } from "../contract/log-entry.ts";
import type { Principal } from "../contract/principal.ts";
import type { ReceiptEvent } from "../contract/receipt-predicate.ts";
import { sha256Hex } from "../format/crypto.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { type PublicKey, publicKeyText } from "../format/public-key.ts";
import type { Subject } from "../format/statement.ts";
import { engagementStream, WORKSPACE_STREAM } from "../ledger/streams.ts";
import type { SealedReceipt } from "../receipt/seal-receipt.ts";
import { appendReceipt } from "./append-receipt.ts";
import { pinEnvelope, pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { governanceEntry } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import type { Change } from "./store.ts";

export interface Recording {
  readonly stream: string;
  readonly event: ReceiptEvent;
  readonly actor: string;
  readonly objective: string;
  readonly subject?: readonly Subject[];
  readonly detail: Readonly<Record<string, unknown>>;
  readonly change?: Omit<Change, "append" | "openRun" | "closeRun">;
}

/** First receipt of a workspace: names the issuer root that certifies its keys. */
export function recordWorkspaceCreated(
  lane: Lane,
  actor: string,
  name: string,
  root: PublicKey,
): Promise<SealedReceipt> {
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "workspace-created",
    actor,
    objective: "create the workspace",
    subject: [{ name: "issuer-root", digest: { sha256: sha256Hex(root.spki) } }],
    detail: { name, root: { publicKey: publicKeyText(root), keyId: root.keyId } },
    change: { status: rootRows(root.keyId, root.keyId) },
  });
}

/** Status rows that name the root which a workspace began with, by which it is known, and the one that holds now. */
export function rootRows(
  first: string,
  now: string,
): { readonly subject: string; readonly status: string }[] {
  return [
    { subject: "workspace", status: first },
    { subject: "issuer-root", status: now },
  ];
}

/** An issuer key was certified by the root. */
export function recordKeyCertified(lane: Lane, actor: string, certificate: Envelope): Promise<SealedReceipt> {
  const pinned = pinEnvelope(certificate);
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "key-certified",
    actor,
    objective: "certify an issuer key",
    subject: [named("key-certificate", pinned.digest)],
    detail: { certificate: pinned.digest },
    change: { documents: [pinned] },
  });
}

/** A principal was added, or changed. */
export function recordPrincipalAdded(
  lane: Lane,
  actor: string,
  principal: Principal,
): Promise<SealedReceipt> {
  const pinned = pinJson(principal);
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "principal-added",
    actor,
    objective: `add principal ${principal.id}`,
    subject: [named("principal", pinned.digest)],
    detail: { principal: principal.id },
    change: { documents: [pinned] },
  });
}

/** A principal was disabled: live from now on, for every run; unconsumed approvals of theirs are void. */
export function recordPrincipalDisabled(
  lane: Lane,
  actor: string,
  principal: string,
): Promise<SealedReceipt> {
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "principal-disabled",
    actor,
    objective: `disable principal ${principal}`,
    detail: { principal },
    change: { status: [{ subject: `principal:${principal}`, status: "disabled" }] },
  });
}

/** The catalog was locked. */
export function recordCatalogPublished(lane: Lane, actor: string, lock: CatalogLock): Promise<SealedReceipt> {
  const pinned = pinJson(lock);
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "catalog-published",
    actor,
    objective: "publish the catalog",
    subject: [named("catalog-lock", pinned.digest)],
    detail: { catalogLock: pinned.digest },
    change: { documents: [pinned] },
  });
}

/** The workspace has this transparency log from now on. */
export function recordLogStarted(lane: Lane, actor: string, started: LogStarted): Promise<SealedReceipt> {
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: "log-started",
    actor,
    objective: `log receipts in ${started.origin}`,
    detail: started,
    change: { status: [{ subject: ACTIVE_LOG, status: started.key }] },
  });
}

/** Status row of the note key of the workspace's log. */
export const ACTIVE_LOG = "log";

/** An owner signed the authorization record of an engagement. */
export function recordEngagementAuthorized(
  lane: Lane,
  actor: string,
  engagement: string,
  authorization: Envelope,
): Promise<SealedReceipt> {
  const pinned = pinEnvelope(authorization);
  return record(lane, {
    stream: engagementStream(engagement),
    event: "engagement-authorized",
    actor,
    objective: `authorize engagement ${engagement}`,
    subject: [named("authorization", pinned.digest)],
    detail: { authorization: pinned.digest },
    change: {
      documents: [pinned],
      status: [{ subject: `authorization:${engagement}`, status: pinned.digest }],
    },
  });
}

/** The engagement was halted or closed: live from now on, for every run in it. */
export function recordEngagementStatus(
  lane: Lane,
  actor: string,
  engagement: string,
  status: "halted" | "closed",
  reason: string,
): Promise<SealedReceipt> {
  return record(lane, {
    stream: engagementStream(engagement),
    event: status === "halted" ? "engagement-halted" : "engagement-closed",
    actor,
    objective: `${status === "halted" ? "halt" : "close"} engagement ${engagement}`,
    detail: { reason },
    change: { status: [{ subject: `engagement:${engagement}`, status }] },
  });
}

/** A contract was suspended, revoked or reinstated: live from now on, for every run that names it. */
export function recordContractStatus(
  lane: Lane,
  actor: string,
  contract: string,
  status: "suspended" | "revoked" | "active",
  reason: string,
): Promise<SealedReceipt> {
  const word = status === "active" ? "reinstated" : status;
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: `contract-${word}`,
    actor,
    objective: `contract ${contract} is ${word}`,
    detail: { contract, reason },
    change: { status: [{ subject: `contract:${contract}`, status }] },
  });
}

/** A change freeze began or ended: live from now on, for every run of the workspace. */
export function recordFreeze(
  lane: Lane,
  actor: string,
  status: "on" | "off",
  reason: string,
): Promise<SealedReceipt> {
  const began = status === "on";
  return record(lane, {
    stream: WORKSPACE_STREAM,
    event: began ? "freeze-began" : "freeze-ended",
    actor,
    objective: began ? "freeze changes" : "end the freeze",
    detail: { reason },
    change: { status: [{ subject: "freeze", status }] },
  });
}

/** A run was not admitted, and why. */
export function recordAdmissionDenied(
  lane: Lane,
  actor: string,
  engagement: string,
  detail: { reason: string; runbook: string; problems: readonly string[] },
): Promise<SealedReceipt> {
  return record(lane, {
    stream: engagementStream(engagement),
    event: "admission-denied",
    actor,
    objective: `run ${detail.runbook}`,
    detail,
  });
}

/** Records one event about workspace or engagement. @throws RunError `RUN_CONTENDED`, `KEY_ENDED`. */
export async function record(lane: Lane, recording: Recording): Promise<SealedReceipt> {
  const { stream, event, objective, subject, detail, change } = recording;
  const entry = governanceEntry({
    event,
    actor: { principal: recording.actor, origin: lane.origin },
    objective,
    requestId: lane.randomHex(8),
    detail,
    ...(subject === undefined ? {} : { subject }),
  });
  const result = await appendReceipt(lane, stream, entry, change === undefined ? {} : { change });
  if (result.ok) return result.receipt;
  throw new RunError({
    code: "RUN_CONTENDED",
    message: `\`${stream}\` refused the receipt: ${result.conflict}`,
  });
}

/** A subject by its digest. */
export function named(name: string, digest: Digest): Subject {
  return { name, digest: { sha256: hexOf(digest) } };
}
