import type { GateRecord } from "../contract/gate-record.ts";
import { millisOf } from "../format/time.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";

/** Two processes of one host may see a change of status this much apart, in milliseconds. */
const TOLERANCE = 10_000;

/**
 * Live status is the host's word, but not against its own receipts: an engagement that was receipted as halted
 * or closed, a contract as suspended or revoked, a freeze as begun, or a principal as disabled, must be so in what a
 * later decision saw.
 *
 * @returns what the decision ignored, or undefined.
 */
export function ignoredStatus(bundle: Bundle, run: ClaimedRun, record: GateRecord): string | undefined {
  const stream = `engagement:${run.document.engagement.id}`;
  const over = bundle.statusReceipts.some(
    ({ predicate: { event, ledger, time } }) =>
      (event === "engagement-halted" || event === "engagement-closed") &&
      ledger.stream === stream &&
      isBefore(time.claimedUtc, record.decidedAt),
  );
  if (over && record.live.engagement === "open")
    return "its gates saw an open engagement after it was halted or closed";
  const { id, version } = record.action.contract;
  const contract = contractBefore(bundle, `${id}@${version}`, record.decidedAt);
  if (contract !== undefined && record.live.contract !== contract)
    return `its gates did not see that the contract was ${contract}`;
  if (isFrozen(bundle, record.decidedAt) && !record.live.freeze)
    return "its gates did not see that changes were frozen";
  const { disabledPrincipals, revokedKeys = [] } = record.live;
  const lost = bundle.statusReceipts.find(
    ({ predicate: { event, detail, time } }) =>
      event === "key-revoked" &&
      isBefore(time.claimedUtc, record.decidedAt) &&
      !revokedKeys.includes(String(detail?.keyId)),
  );
  if (lost !== undefined) return "its gates did not see that a key was revoked";
  const unseen = disabledBefore(bundle, record.decidedAt).find((id) => !disabledPrincipals.includes(id));
  return unseen === undefined ? undefined : `its gates did not see that \`${unseen}\` was disabled`;
}

/** Principals that the bundle's own receipts had disabled by a time. @param at UTC RFC 3339. */
export function disabledBefore(bundle: Bundle, at: string): string[] {
  const disabled = new Set<string>();
  for (const { predicate } of bundle.statusReceipts) {
    const { event, detail, time } = predicate;
    if (!isBefore(time.claimedUtc, at)) continue;
    if (event === "principal-disabled") disabled.add(String(detail?.principal));
    else if (event === "principal-added") disabled.delete(String(detail?.principal));
  }
  return [...disabled];
}

/** How the bundle's own receipts had left a contract; undefined when it is in force, or was touched just then. */
function contractBefore(bundle: Bundle, reference: string, at: string): "suspended" | "revoked" | undefined {
  let status: "suspended" | "revoked" | undefined;
  for (const { predicate } of bundle.statusReceipts) {
    const { event, detail, time } = predicate;
    if (detail?.contract !== reference || !STATUS_OF_CONTRACT.has(event)) continue;
    if (!isBefore(time.claimedUtc, at)) return undefined;
    // Revoked is final: what is reinstated after it stays revoked.
    if (status !== "revoked") status = STATUS_OF_CONTRACT.get(event);
  }
  return status;
}

const STATUS_OF_CONTRACT: ReadonlyMap<string, "suspended" | "revoked" | undefined> = new Map([
  ["contract-suspended", "suspended" as const],
  ["contract-revoked", "revoked" as const],
  ["contract-reinstated", undefined],
]);

function isFrozen(bundle: Bundle, at: string): boolean {
  let frozen = false;
  for (const { predicate } of bundle.statusReceipts) {
    const { event, time } = predicate;
    if (event !== "freeze-began" && event !== "freeze-ended") continue;
    if (!isBefore(time.claimedUtc, at)) return false;
    frozen = event === "freeze-began";
  }
  return frozen;
}

function isBefore(earlier: string, at: string): boolean {
  return (millisOf(earlier) ?? 0) < (millisOf(at) ?? 0) - TOLERANCE;
}
