import { releases } from "../contract/signed-statements.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";
import type { RunSoFar } from "./run-so-far.ts";

/** Phases that an event may follow, for one invocation (design section 4). */
const from: Readonly<Record<string, readonly string[]>> = {
  "step-paused": ["pending", "paused"],
  "approval-recorded": ["paused"],
  "break-glass-recorded": ["paused"],
  "answer-recorded": ["paused"],
  "signal-recorded": ["paused"],
  "step-dispatched": ["pending", "paused", "dispatched"],
  "step-in-doubt": ["pending", "paused", "dispatched"],
  "step-resolved": ["in-doubt", "failed", "denied"],
  "step-executed": ["pending", "paused", "dispatched", "resolved", "in-doubt"],
  "step-failed": ["pending", "paused", "dispatched", "resolved", "in-doubt"],
  "step-denied": ["pending", "paused"],
  "step-escalated": ["failed", "denied"],
  "step-skipped": ["pending"],
  "step-cancelled": ["pending", "paused"],
};
/** Events that are about no call: what stands beside them was decided about something else. */
const uncalled: ReadonlySet<string> = new Set([
  "step-expanded",
  "step-skipped",
  "step-cancelled",
  "step-resolved",
  "step-escalated",
  "approval-recorded",
  "break-glass-recorded",
  "answer-recorded",
  "signal-recorded",
]);
/** What may be recorded of a read-back: it asks nobody, and is never left out. */
const ofReadBacks: ReadonlySet<string> = new Set([
  "step-dispatched",
  "step-in-doubt",
  "step-executed",
  "step-failed",
  "step-denied",
]);
/** How a `forEach` step may end that was never expanded: nothing of it was called. */
const unexpandedEnds: ReadonlySet<string> = new Set(["step-denied", "step-skipped", "step-cancelled"]);
/** Why a step is denied before any gate. */
const refusals: ReadonlySet<unknown> = new Set([
  "not-resolved",
  "for-each-refused",
  "when-failed",
  "secret-unavailable",
]);

/**
 * Why a receipt cannot stand where it stands: its step or invocation is none that the run has at that moment, or
 * what went before does not lead to it. Undefined when it can.
 */
export function misplaced(soFar: RunSoFar, receipt: Receipt): string | undefined {
  const { event, step: named, invocation, detail } = receipt.predicate;
  const step = soFar.stepOf(receipt);
  if (step === undefined) return "the run has no such step";
  // A receipt that calls itself a read-back's has no turn of its own, so it must be one.
  if (named?.readBack !== undefined && !ofReadBacks.has(event)) return `\`${event}\` is about no read-back`;
  if (uncalled.has(event) && invocation !== undefined) return `\`${event}\` is about no call`;
  if (event === "step-denied" && invocation === undefined && !refusals.has(detail?.reason))
    return "it was denied without a gate record and without a reason";
  if (event === "step-expanded") {
    if (step.definition.forEach === undefined) return "it has no `forEach`";
    if (named?.key !== undefined) return "one invocation cannot be expanded";
    return step.invocations === undefined ? undefined : "it was expanded or ended before";
  }
  if (step.invocations === undefined) {
    if (named?.readBack !== undefined) return "a read-back is about a doubt, and there is none";
    const ends = unexpandedEnds.has(event) && named?.key === undefined && invocation === undefined;
    return ends ? undefined : "it was never expanded, and only then has invocations";
  }
  if (event === "approval-recorded" && detail?.list !== undefined) {
    const waits = named?.key === undefined && (step.counts.get("paused") ?? 0) > 0;
    return waits && step.definition.forEach !== undefined ? undefined : "no list of it waits for an approval";
  }
  const invoked = soFar.find(receipt);
  if (invoked === undefined) return "it has no such invocation";
  return outOfTurn(invoked, receipt);
}

function outOfTurn(invoked: Invoked, { predicate }: Receipt): string | undefined {
  const { event, detail } = predicate;
  const { phase, dispatched, readBackOf, confirmed } = invoked;
  if (readBackOf !== undefined) {
    if (readBackOf.phase !== "in-doubt") return "a read-back is about a doubt, and there is none";
    if (readBackOf.confirmed !== undefined) return "a read-back before it had settled the doubt";
    if (!ofReadBacks.has(event)) return `\`${event}\` is about no read-back`;
    if (detail?.resolution !== undefined || detail?.readBack !== undefined)
      return "a read-back ends as its own call did";
  }
  if (from[event]?.includes(phase) !== true) return `\`${event}\` cannot follow on \`${phase}\``;
  switch (event) {
    case "step-dispatched":
      return detail?.attempt === dispatched.size + 1 ? undefined : "an attempt was dispatched out of turn";
    case "step-resolved": {
      if (phase === "in-doubt" && confirmed !== undefined) return "a read-back had settled the doubt";
      const fits = releases.has(detail?.finding)
        ? phase !== "in-doubt" && !invoked.released
        : phase === "in-doubt";
      return fits ? undefined : `\`${String(detail?.finding).slice(0, 40)}\` settles nothing there`;
    }
    case "step-escalated":
      return invoked.escalated || invoked.released ? "it was escalated or released before" : undefined;
    case "step-executed":
    case "step-failed": {
      const { digest, finding } = invoked.resolution ?? {};
      if (phase === "in-doubt" || detail?.readBack !== undefined) {
        const due = confirmed !== undefined && detail?.readBack === confirmed.receipt;
        return due && phase === "in-doubt" && `step-${confirmed.finding}` === event
          ? undefined
          : "it does not end as a read-back before it found";
      }
      if (phase !== "resolved")
        return detail?.resolution === undefined
          ? undefined
          : "it ends by a resolution that no receipt before it records";
      return detail?.resolution === digest && `step-${String(finding)}` === event
        ? undefined
        : "it does not end as the resolution before it says";
    }
    default:
      return undefined;
  }
}
