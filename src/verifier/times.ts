import type { GateRecord } from "../contract/gate-record.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import { millisOf, type Utc, utcFromMillis } from "../format/time.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";

/** How far what belongs together may lie apart: a decision and its dispatch, a run's document and its receipt. */
const MAX_GAP = 5 * 60_000;
/** Several processes append to a stream that is not a run's; their receipts may overtake one another by this much. */
const MAX_OVERTAKING = 10_000;
/** How long a receipt may wait for its commit, and a call that has ended for its evidence to be stored. */
const MAX_STORING = 60_000;

/**
 * Times are the host's word, but they may not contradict one another: a stream's receipts grow no younger, and a
 * run opens after it was made ready, begins after it opened, and closes after its last receipt.
 */
export function checkStreamTimes(bundle: Bundle, runs: readonly ClaimedRun[], findings: Findings): void {
  const older = (receipt: Receipt, message: string): void =>
    findings.fail("FAILURE_CONTINUITY_BROKEN", message, { receipt: receipt.digest });
  for (const [stream, receipts] of bundle.streams) {
    const tolerance = stream.startsWith("run:") ? 0 : MAX_OVERTAKING;
    let newest = Number.NEGATIVE_INFINITY;
    for (const receipt of receipts) {
      const at = claimed(receipt);
      if (!(at >= newest - tolerance))
        older(receipt, `\`${stream}\` has a receipt that is older than the one before it`);
      if (at > newest) newest = at;
    }
  }
  for (const { id, document, opened, closed, receipts } of runs) {
    const openedAt = instant(document.openedAt);
    const gap = claimed(opened) - openedAt;
    if (!(gap >= 0 && gap <= MAX_GAP))
      older(opened, `run \`${id}\` was opened at another time than its document says`);
    const [first] = receipts;
    if (first !== undefined && !(claimed(first) >= openedAt))
      older(first, `run \`${id}\` has a receipt that is older than its opening`);
    const last = receipts.at(-1);
    if (closed !== undefined && last !== undefined && claimed(closed) < claimed(last) - MAX_OVERTAKING)
      older(closed, `run \`${id}\` was closed before its last receipt`);
  }
}

/** Why the times of a gate record contradict what was known when it was made; undefined when they do not. */
export function untimelyDecision(record: GateRecord, since: string, receipt: Receipt): string | undefined {
  const decided = instant(record.decidedAt);
  if (!(decided >= instant(since))) return "its gates decided before what they had to see";
  return decided <= claimed(receipt) ? undefined : "its gates decided after the receipt";
}

/**
 * Why the times of an attempt contradict one another; undefined when they do not.
 *
 * @param before the attempt before it.
 */
export function untimelyAttempt(
  attempt: AttemptFact,
  record: GateRecord,
  before: AttemptFact | undefined,
  receipt: Receipt,
): string | undefined {
  const decided = instant(record.decidedAt);
  const started = instant(attempt.startedAt);
  const ended = attempt.endedAt === undefined ? started : instant(attempt.endedAt);
  if (!(started >= decided)) return "it started before its gates decided";
  if (started - decided > MAX_GAP) return "it started long after its gates decided";
  if (!(ended >= started)) return "it ended before it started";
  if (!(ended <= claimed(receipt))) return "it ended after its receipt";
  if (before !== undefined && decided < instant(before.endedAt ?? before.startedAt))
    return "its gates decided before the attempt before it had ended";
  return undefined;
}

/**
 * When a call was dispatched at the earliest, by its signed dispatch: the host's clock may have been ahead of the
 * commit, or the commit have waited, but the dispatch is not older than the decision.
 */
export function earliestDispatch(record: GateRecord, dispatch: Receipt): Utc {
  const at = Math.max(instant(record.decidedAt), claimed(dispatch) - MAX_STORING);
  return Number.isFinite(at) ? utcFromMillis(at) : record.decidedAt;
}

function claimed({ predicate }: Receipt): number {
  return instant(predicate.time.claimedUtc);
}

/** NaN for what is no instant: no comparison holds with it. */
function instant(utc: string): number {
  return millisOf(utc) ?? Number.NaN;
}
