import type { BreakGlassStatement } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { mayNotBreakGlass } from "../gate/break-glass.ts";
import { checkBreakGlass } from "../gate/break-glass-statement.ts";
import { basisOf } from "./append-to-run.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { nextUse } from "./read-break-glass.ts";
import { isWaitingForApproval } from "./record-approval.ts";
import { recordSigned } from "./record-signed.ts";
import { reviewsOf } from "./reviews.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { invocationsOf } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

/**
 * Records a person's signed word that they act without the approval that a paused invocation waits for. It stands for
 * one only by a permission of the engagement; where it would not, or while a review is overdue, it is refused.
 *
 * @throws RunError `STEP_NOT_WAITING`, `STATEMENT_REFUSED`.
 */
export async function recordBreakGlass(
  lane: Lane,
  run: string,
  envelope: Envelope,
): Promise<BreakGlassStatement> {
  return untilRecorded(lane, run, async () => {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const { document } = state;
    const principals = lane.pinned.read("principals", document.principals);
    const engagement = lane.pinned.read("engagement", document.engagement.digest);
    const now = utcFromMillis(lane.clock());
    const checked = refuseRevoked(lane.store, await checkBreakGlass(envelope, principals, now, 1));
    if (!checked.ok) throw refused(run, checked.reason);
    const { statement } = checked;
    const found = [...invocationsOf(state)].find(({ id }) => id === statement.invocation);
    const action = found?.action;
    if (found === undefined || action?.digest !== statement.actionDigest || !isWaitingForApproval(found)) {
      throw new RunError({
        code: "STEP_NOT_WAITING",
        message: `\`${statement.invocation}\` waits for no approval of \`${statement.actionDigest}\``,
        hint: `witnessops run show ${run}`,
      });
    }
    const fact = { ...checked.fact, use: nextUse(lane, engagement.id, statement.breakGlass, found.id) };
    const live = readLiveStatus(lane.store, "", engagement.id);
    const facts = { engagement, principals, live, now, action: action.document };
    const refusal = mayNotBreakGlass(facts, fact);
    if (refusal !== undefined) throw refused(run, refusal);
    const overdue = reviewsOf(lane.store, engagement.id, now).find(({ state: of }) => of === "overdue");
    if (overdue !== undefined)
      throw refused(run, `the review of \`${overdue.invocation}\` is overdue since ${overdue.dueAt}`);
    const recorded = await recordSigned(lane, state, basis, found, envelope, {
      event: "break-glass-recorded",
      name: "breakGlass",
      principal: statement.principal,
      detail: { id: statement.breakGlass, reason: statement.reason },
    });
    return recorded ? statement : undefined;
  });
}

function refused(run: string, reason: string): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: `it does not stand for an approval: ${reason}`,
    hint: `witnessops run show ${run}`,
  });
}
