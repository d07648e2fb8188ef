import type { GateRecord } from "../contract/gate-record.ts";
import { millisOf } from "../format/time.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";

/** Two processes of one host may see a change of status this much apart, in milliseconds. */
const TOLERANCE = 10_000;

/**
 * Live status is the host's word, but not against its own receipts: an engagement that was receipted as halted
 * or closed, or a principal as disabled, must be so in what a later decision saw.
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
  const { disabledPrincipals } = record.live;
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

function isBefore(earlier: string, at: string): boolean {
  return (millisOf(earlier) ?? 0) < (millisOf(at) ?? 0) - TOLERANCE;
}
