import { type ResolutionStatement, releases } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { mayNotResolve } from "../gate/may-resolve.ts";
import { checkResolution } from "../gate/resolution-statement.ts";
import { basisOf } from "./append-to-run.ts";
import { confirmingOf } from "./confirming.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { recordSigned } from "./record-signed.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { type InvocationState, invocationsOf, type RunState } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

/**
 * Records a person's signed resolution of an in-doubt attempt or a held step. Never guesses: the person says
 * what they found and why, and the receipt keeps their words and signature.
 *
 * @throws RunError `STEP_UNKNOWN`, `STEP_NOT_WAITING`, `STATEMENT_REFUSED`.
 */
export async function resolveStep(lane: Lane, run: string, envelope: Envelope): Promise<ResolutionStatement> {
  return untilRecorded(lane, run, async () => {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const principals = lane.pinned.read("principals", state.document.principals);
    const checked = refuseRevoked(
      lane.store,
      await checkResolution(envelope, principals, utcFromMillis(lane.clock())),
    );
    if (!checked.ok) {
      throw new RunError({
        code: "STATEMENT_REFUSED",
        message: `the resolution is refused: ${checked.reason}`,
      });
    }
    const { statement } = checked;
    const engagement = lane.pinned.read("engagement", state.document.engagement.digest);
    const { disabledPrincipals: disabled } = readLiveStatus(lane.store, "", engagement.id);
    const { principal } = statement;
    const refusal = mayNotResolve({ principal, custody: checked.custody, engagement, principals, disabled });
    if (refusal !== undefined) {
      throw new RunError({
        code: "STATEMENT_REFUSED",
        message: `\`${principal}\` may not resolve this: ${refusal}`,
        hint: "let an operator, approver or owner of the engagement sign with a key that they hold",
      });
    }
    const invocation = findInvocation(state, statement);
    if (invocation.phase === "in-doubt" && confirmingOf(lane, invocation).is === "settled") {
      throw new RunError({
        code: "STEP_NOT_WAITING",
        message: `a read-back has settled \`${invocation.id}\``,
        hint: `witnessops run resume ${run}`,
      });
    }
    const recorded = await recordSigned(lane, state, basis, invocation, envelope, {
      event: "step-resolved",
      name: "resolution",
      principal,
      detail: { finding: statement.finding, attempt: statement.attempt },
    });
    return recorded ? statement : undefined;
  });
}

function findInvocation(state: RunState, statement: ResolutionStatement): InvocationState {
  const found = [...invocationsOf(state)].find((one) => one.id === statement.invocation);
  const hint = `witnessops run show ${state.document.run}`;
  if (found === undefined) {
    throw new RunError({ code: "STEP_UNKNOWN", message: `the run has no \`${statement.invocation}\``, hint });
  }
  const held = found.phase === "failed" || found.phase === "denied";
  const fits = releases.has(statement.finding) ? held && !found.released : found.phase === "in-doubt";
  if (!fits) {
    const message = `\`${found.id}\` is ${found.phase}: \`${statement.finding}\` does not settle anything there`;
    throw new RunError({ code: "STEP_NOT_WAITING", message, hint });
  }
  const step = state.steps.find(({ definition }) => definition.id === found.step);
  if (held && step?.onFailure === "escalate" && found.escalation === undefined) {
    const message = `\`${found.id}\` was not escalated yet: it cannot be released before`;
    throw new RunError({
      code: "STEP_NOT_WAITING",
      message,
      hint: `witnessops run resume ${state.document.run}`,
    });
  }
  if (found.readBacks.some(isUnderWay)) {
    const message = `a read-back of \`${found.id}\` is under way: it may settle the doubt`;
    throw new RunError({
      code: "STEP_NOT_WAITING",
      message,
      hint: `witnessops run resume ${state.document.run}`,
    });
  }
  if (found.phase === "in-doubt" && found.attempts.at(-1)?.attempt !== statement.attempt) {
    throw new RunError({ code: "STATEMENT_REFUSED", message: "the resolution names another attempt", hint });
  }
  const digest = found.attempts.at(-1)?.actionDigest;
  if (digest !== undefined && digest !== statement.actionDigest) {
    throw new RunError({ code: "STATEMENT_REFUSED", message: "the resolution names another action", hint });
  }
  return found;
}

/** Whether a read-back was begun and has not ended: what it finds is about this doubt, and no later one. */
function isUnderWay({ phase, attempts }: InvocationState): boolean {
  return phase === "dispatched" || (phase === "pending" && attempts.length > 0);
}
