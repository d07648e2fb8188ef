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
  const before = (millisOf(record.decidedAt) ?? 0) - TOLERANCE;
  const disabled = new Set<string>();
  for (const { predicate } of bundle.statusReceipts) {
    const { event, detail, ledger, time } = predicate;
    if ((millisOf(time.claimedUtc) ?? 0) >= before) continue;
    if (event === "principal-disabled") disabled.add(String(detail?.principal));
    else if (event === "principal-added") disabled.delete(String(detail?.principal));
    else if (
      ledger.stream === `engagement:${run.document.engagement.id}` &&
      record.live.engagement === "open"
    ) {
      return "its gates saw an open engagement after it was halted or closed";
    }
  }
  const unseen = [...disabled].find((id) => !record.live.disabledPrincipals.includes(id));
  return unseen === undefined ? undefined : `its gates did not see that \`${unseen}\` was disabled`;
}
