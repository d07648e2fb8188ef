import type { AttemptOutcome } from "../adapter/attempt.ts";
import { performAttempt } from "../adapter/perform-attempt.ts";
import { retryDelay } from "../adapter/retry-delay.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import { type CapturedArtifact, openCapture } from "../evidence/capture.ts";
import { EvidenceError } from "../evidence/evidence-error.ts";
import { needlesOf } from "../evidence/secret-forms.ts";
import type { Digest } from "../format/digest.ts";
import { bytesOfSize, millisOfDuration } from "../format/duration.ts";
import { utcFromMillis } from "../format/time.ts";
import { runStream } from "../ledger/streams.ts";
import { appendReceipt, detailSubject, type Entry } from "./append-receipt.ts";
import { pinJson } from "./document-pin.ts";
import { applyDispatch } from "./fold-run.ts";
import { type GatedStep, gateStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { type StepFacts, stepEntry } from "./step-receipt.ts";
import type { Change, DispatchRow } from "./store.ts";

/** What became of a command: the record has moved, the run waits, or somebody else moved it first. */
export type Progress = "moved" | "waits" | "contended";

/** One attempt that has ended and is not yet in any receipt. */
interface EndedAttempt {
  readonly gated: GatedStep;
  readonly recordDigest: Digest;
  readonly row: DispatchRow;
  readonly fact: AttemptFact;
  readonly outcome: AttemptOutcome;
  readonly captured: readonly CapturedArtifact[];
}

/**
 * Takes one invocation through the governed path: gates, dispatch, adapter, artifacts, receipt (design
 * section 2). Gates are decided anew before each attempt; each attempt is dispatched durably before it
 * leaves the process.
 */
export async function performStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  const before = invocation.attempts.map(factOfRow);
  const ended: EndedAttempt[] = [];
  for (;;) {
    const last = ended.at(-1);
    const n = (invocation.attempts.at(-1)?.attempt ?? 0) + 1;
    const decided = await gateStep(lane, state, step, invocation, n);
    // What was attempted once ends as failed, whatever the gates say to another attempt.
    if (last !== undefined && (!decided.ok || decided.gated.record.decision !== "allow")) {
      return endStep(
        lane,
        state,
        step,
        invocation,
        [...before, ...ended.map((one) => one.fact)],
        last,
        ended,
      );
    }
    if (!decided.ok) return refuseStep(lane, state, step, invocation, "not-resolved", decided.faults);
    const { gated } = decided;
    const record = pinJson(gated.record);
    if (gated.record.decision === "pause") return pauseStep(lane, state, step, invocation, gated, record);
    if (gated.record.decision === "deny") return denyStep(lane, state, step, invocation, gated, record);

    const secrets = await resolveSecrets(lane, gated);
    if (!secrets.ok) return refuseStep(lane, state, step, invocation, "secret-unavailable", secrets.faults);
    const row = await dispatchAttempt(lane, state, step, invocation, gated, record, n, last);
    if (row === undefined) return "contended";
    const attempt = await callAdapter(lane, step, invocation, gated, record.digest, row, secrets.values);
    ended.push(attempt);
    const delay = retryAfter(step, gated, attempt, ended.length);
    if (delay === undefined) {
      return endStep(
        lane,
        state,
        step,
        invocation,
        [...before, ...ended.map((one) => one.fact)],
        attempt,
        ended,
      );
    }
    await lane.sleep(delay);
  }
}

/** How a dispatch row without a receipt reads in one: an earlier attempt's end, or doubt. */
export function factOfRow(row: DispatchRow): AttemptFact {
  return row.ended ?? { n: row.attempt, startedAt: row.at, exit: "in-doubt", dispatchDigest: row.gateRecord };
}

/** Commits the durable record without which nothing leaves the process; undefined when the record moved on. */
async function dispatchAttempt(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: { digest: Digest; bytes: Uint8Array },
  n: number,
  previous: EndedAttempt | undefined,
): Promise<DispatchRow | undefined> {
  const { run } = state.document;
  const row: DispatchRow = {
    run,
    invocation: invocation.id,
    attempt: n,
    actionDigest: gated.record.actionDigest as Digest,
    gateRecord: record.digest,
    idempotencyKey: gated.action.idempotencyKey,
    owner: lane.owner,
    at: utcFromMillis(lane.clock()),
  };
  const lastRow = invocation.attempts.at(-1);
  const endedRow =
    lastRow === undefined ? undefined : { ...lastRow, ended: previous?.fact ?? factOfRow(lastRow) };
  const change: Omit<Change, "append" | "openRun" | "closeRun" | "fence"> = {
    dispatch: row,
    documents: [record],
    consume: gated.record.approvals.map(({ digest }) => ({
      approval: digest as Digest,
      invocation: invocation.id,
    })),
    ...(endedRow === undefined
      ? {}
      : { endAttempt: { run, invocation: invocation.id, attempt: endedRow.attempt, ended: endedRow.ended } }),
    ...(previous === undefined ? {} : evidenceOf(run, invocation, [previous])),
  };
  let committed: boolean;
  if (gated.contract.effect === "read" && gated.contract.execution.idempotency === "safe") {
    const result = await lane.store.commit({ ...change, fence: fenceOf(state) });
    committed = result.ok;
  } else {
    const facts: StepFacts = { outcome: "dispatched", attempts: [], artifacts: [], detail: { attempt: n } };
    const entry = stepEntry(
      place(lane, state, step, invocation),
      "step-dispatched",
      gated,
      record.digest,
      facts,
    );
    committed = (await append(lane, state, entry, change)).ok;
  }
  if (!committed) return undefined;
  if (endedRow !== undefined) applyDispatch(state, endedRow);
  applyDispatch(state, row);
  return row;
}

async function callAdapter(
  lane: Lane,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  recordDigest: Digest,
  row: DispatchRow,
  secrets: ReadonlyMap<string, string>,
): Promise<EndedAttempt> {
  const { contract, action } = gated;
  const session = openCapture({
    rules: contract.evidence.artifacts,
    maxBytes: bytesOfSize(contract.evidence.maxBytes),
    idPrefix: `${invocation.id}/${row.attempt}`,
    secrets: [...secrets.values()],
    files: lane.files,
    clock: lane.clock,
  });
  try {
    const outcome = await performAttempt({
      adapter: gated.adapter,
      contract,
      inputs: gated.inputs,
      idempotencyKey: action.idempotencyKey,
      timeoutMs: timeoutOf(step, gated),
      network: lane.openNetwork({
        endpoints: action.endpoints,
        include: gated.include,
        exclude: gated.exclude,
      }),
      capture: session,
      secrets,
      root: lane.root,
      signal: lane.signal,
    });
    const captured = await session.finish();
    const fact: AttemptFact = {
      n: row.attempt,
      startedAt: row.at,
      endedAt: utcFromMillis(lane.clock()),
      exit: outcome.exit,
      ...(outcome.resolvedAddress === undefined ? {} : { resolvedAddress: outcome.resolvedAddress }),
      ...(outcome.errorClass === undefined ? {} : { errorClass: outcome.errorClass }),
      ...(outcome.side === undefined ? {} : { side: outcome.side }),
      dispatchDigest: recordDigest,
    };
    return { gated, recordDigest, row, fact, outcome, captured };
  } catch (error) {
    await session.abort();
    throw error;
  }
}

async function endStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  attempts: readonly AttemptFact[],
  last: EndedAttempt,
  ended: readonly EndedAttempt[],
): Promise<Progress> {
  const { outcome } = last;
  const entry = stepEntry(
    place(lane, state, step, invocation),
    outcome.exit === "executed" ? "step-executed" : "step-failed",
    last.gated,
    last.recordDigest,
    {
      outcome: outcome.exit,
      attempts,
      artifacts: ended.flatMap((one) => one.captured.map((captured) => captured.artifact)),
      ...(outcome.errorClass === undefined ? {} : { errorClass: outcome.errorClass }),
      ...(outcome.side === undefined ? {} : { side: outcome.side }),
      ...(outcome.outputs === undefined ? {} : { outputs: { ...outcome.outputs } }),
    },
  );
  // Evidence is appended wherever the stream stands by now: what happened has happened.
  const result = await appendReceipt(lane, runStream(state.document.run), entry, {
    genesis: state.opened,
    change: evidenceOf(state.document.run, invocation, [last]),
  });
  return result.ok ? "moved" : "contended";
}

function pauseStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: { digest: Digest; bytes: Uint8Array },
): Promise<Progress> | Progress {
  if (invocation.action?.digest === gated.record.actionDigest) return "waits";
  const expiresAt = expiryOf(lane, gated);
  const entry = stepEntry(place(lane, state, step, invocation), "step-paused", gated, record.digest, {
    outcome: "paused",
    attempts: [],
    artifacts: [],
    detail: { actionDigest: gated.record.actionDigest, ...(expiresAt === undefined ? {} : { expiresAt }) },
  });
  return append(lane, state, entry, { documents: [record] }).then((result) =>
    result.ok ? "waits" : "contended",
  );
}

async function denyStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: { digest: Digest; bytes: Uint8Array },
): Promise<Progress> {
  const facts: StepFacts = { outcome: "denied", attempts: [], artifacts: [] };
  const entry = stepEntry(place(lane, state, step, invocation), "step-denied", gated, record.digest, facts);
  const result = await append(lane, state, entry, { documents: [record] });
  return result.ok ? "moved" : "contended";
}

/** Denies a step whose action could not even be described: its inputs, expressions or secrets do not hold. */
export async function refuseStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState | undefined,
  reason: string,
  faults: readonly string[],
): Promise<Progress> {
  const detail = { reason, faults: [...faults] };
  const entry: Entry = {
    event: "step-denied",
    subject: detailSubject(detail),
    predicate: {
      ...runParts(state.document, lane.origin, isLab(lane, state)),
      ...stepParts(step, invocation),
      detail,
    },
  };
  const result = await append(lane, state, entry, {});
  return result.ok ? "moved" : "contended";
}

/** Appends to the run's stream, as long as nothing has moved since the decision was made. */
export function append(
  lane: Lane,
  state: RunState,
  entry: Entry,
  change: Omit<Change, "append" | "openRun" | "closeRun" | "fence">,
) {
  return appendReceipt(lane, runStream(state.document.run), entry, {
    change: { ...change, fence: fenceOf(state) },
    genesis: state.opened,
    onHead: state.head ?? "empty",
  });
}

/** What a decision about the run was made on. */
export function fenceOf(state: RunState): NonNullable<Change["fence"]> {
  const { run } = state.document;
  return { run, stream: runStream(run), head: state.head, dispatches: state.dispatches };
}

/** Where a step receipt belongs. */
export function place(lane: Lane, state: RunState, step: StepState, invocation: InvocationState) {
  return { state, step, invocation, origin: lane.origin, lab: isLab(lane, state) };
}

/** Whether the run's engagement is a lab. */
export function isLab(lane: Lane, state: RunState): boolean {
  return lane.pinned.read("engagement", state.document.engagement.digest).environment === "lab";
}

function evidenceOf(run: string, invocation: InvocationState, attempts: readonly EndedAttempt[]) {
  const captured = attempts.flatMap((one) =>
    one.captured.map((item) => ({ ...item, attempt: one.row.attempt })),
  );
  return {
    blobs: captured.flatMap(({ artifact, inline }) =>
      inline === undefined ? [] : [{ digest: artifact.digest as Digest, bytes: inline }],
    ),
    artifacts: captured.map(({ artifact, attempt }) => ({
      run,
      invocation: invocation.id,
      attempt,
      artifact,
    })),
  };
}

async function resolveSecrets(
  lane: Lane,
  gated: GatedStep,
): Promise<{ ok: true; values: ReadonlyMap<string, string> } | { ok: false; faults: string[] }> {
  const values = new Map<string, string>();
  const faults: string[] = [];
  for (const { name, ref } of gated.contract.execution.secrets ?? []) {
    const resolved = await lane.resolveSecret(ref);
    if (resolved.ok) values.set(name, resolved.value);
    else faults.push(`secret \`${name}\`: ${resolved.message}`);
  }
  // A value that evidence cannot be searched for is refused before anything is sent.
  try {
    needlesOf([...values.values()]);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    faults.push(error.message);
  }
  return faults.length === 0 ? { ok: true, values } : { ok: false, faults };
}

/** Milliseconds until the next attempt, or undefined when there is none: a step may shorten retry, never extend it. */
function retryAfter(
  step: StepState,
  gated: GatedStep,
  attempt: EndedAttempt,
  made: number,
): number | undefined {
  const { outcome } = attempt;
  if (outcome.exit !== "failed" || !outcome.retryable || outcome.errorClass === undefined) return undefined;
  if (gated.contract.execution.retry?.on.includes(outcome.errorClass) !== true) return undefined;
  if (made >= (step.definition.retry?.attempts ?? Number.POSITIVE_INFINITY)) return undefined;
  return retryDelay(gated.contract, made, outcome.retryAfterMs);
}

function timeoutOf(step: StepState, gated: GatedStep): number {
  const declared = millisOfDuration(gated.contract.execution.timeout);
  const { timeout } = step.definition;
  return timeout === undefined ? declared : Math.min(declared, millisOfDuration(timeout));
}

function expiryOf(lane: Lane, gated: GatedStep): string | undefined {
  const rule = gated.action.approvalRule;
  if (typeof rule !== "object" || rule.expiresIn === undefined) return undefined;
  return utcFromMillis(lane.clock() + millisOfDuration(rule.expiresIn));
}
