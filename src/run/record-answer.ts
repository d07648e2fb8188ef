import { type Awaited, awaitedOf } from "../contract/awaited.ts";
import { answerResult } from "../contract/awaited-result.ts";
import { faultText } from "../contract/fault.ts";
import { manualForm } from "../contract/manual-form.ts";
import { mapOutputs } from "../contract/map-result.ts";
import type { AnswerStatement } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import type { JsonObject } from "../format/json.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkAnswer } from "../gate/answer-statement.ts";
import { mayNotAnswer } from "../gate/input-gate.ts";
import { basisOf } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { recordSigned } from "./record-signed.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { type InvocationState, invocationsOf, type RunState } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

/** Whether an invocation waits for a person's answer. */
export function isWaitingForAnswer({ phase, action }: InvocationState): boolean {
  return phase === "paused" && action?.waits.reason === "answer-required";
}

/**
 * Records a person's signed answer for the `manual` invocation whose action it names. An answer that does not fit the
 * form, or of who may not answer, is refused and leaves nothing behind.
 *
 * @throws RunError `STEP_NOT_WAITING`, `STATEMENT_REFUSED` with every fault.
 */
export async function recordAnswer(lane: Lane, run: string, envelope: Envelope): Promise<AnswerStatement> {
  return untilRecorded(lane, run, async () => {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const principals = lane.pinned.read("principals", state.document.principals);
    const now = utcFromMillis(lane.clock());
    const checked = refuseRevoked(lane.store, await checkAnswer(envelope, principals, now, now));
    if (!checked.ok) throw refused(run, [checked.reason]);
    const { statement, fact } = checked;
    const found = findWaiting(state, statement);
    if (found.given.some(({ digest }) => digest === fact.digest)) return statement;
    const { contract, awaited } = awaitedAnswer(lane, found);
    const action = found.action?.document;
    const engagement = lane.pinned.read("engagement", state.document.engagement.digest);
    const live = readLiveStatus(lane.store, "", engagement.id);
    const until = found.action?.expiresAt;
    if (until !== undefined && until < now) throw refused(run, [`it was waited for until ${until}`]);
    const refusal = action && mayNotAnswer({ action, principals, engagement, live }, awaited, fact);
    if (refusal !== undefined)
      throw refused(run, [`\`${statement.principal}\` may not answer this: ${refusal}`]);
    const { bytes } = pinEnvelope(envelope);
    const { result } = answerResult(awaited.task, statement, bytes);
    const fields = manualForm(contract).map(({ name }) => name);
    const unknown = Object.keys(statement.answer).filter((name) => !fields.includes(name));
    if (unknown.length > 0)
      throw refused(
        run,
        unknown.map((name) => `\`${name}\` is no field of the form`),
      );
    const mapped = mapOutputs(contract, (action?.inputs ?? {}) as JsonObject, result);
    if (!mapped.ok) throw refused(run, mapped.faults.map(faultText));
    const recorded = await recordSigned(lane, state, basis, found, envelope, {
      event: "answer-recorded",
      name: "answer",
      principal: statement.principal,
      detail: {},
    });
    return recorded ? statement : undefined;
  });
}

function findWaiting(state: RunState, statement: AnswerStatement): InvocationState {
  const found = [...invocationsOf(state)].find(({ id }) => id === statement.invocation);
  const isSame = found?.action?.digest === statement.actionDigest;
  if (found !== undefined && isWaitingForAnswer(found) && isSame) return found;
  throw new RunError({
    code: "STEP_NOT_WAITING",
    message: `\`${statement.invocation}\` waits for no answer to the action \`${statement.actionDigest}\``,
    hint: `witnessops run show ${state.document.run}`,
  });
}

/** What a paused `manual` invocation asks, and the contract whose outputs are its form. */
export function awaitedAnswer(lane: Lane, { id, action }: InvocationState) {
  const contract = action && lane.pinned.read("contract", action.document.contract.digest);
  const awaits = contract && awaitedOf(contract, action.document);
  const awaited: Awaited | undefined = awaits?.ok === true ? awaits.awaited : undefined;
  if (contract === undefined || awaited?.what !== "answer")
    throw new RunError({ code: "STEP_NOT_WAITING", message: `\`${id}\` waits for no answer` });
  return { contract, awaited };
}

function refused(run: string, problems: readonly string[]): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: `the answer is refused: ${problems.join("\n")}`,
    hint: `witnessops run answer ${run}`,
  });
}
