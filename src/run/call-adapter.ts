import type { AttemptOutcome } from "../adapter/attempt.ts";
import { performAttempt } from "../adapter/perform-attempt.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import { type CapturedArtifact, openCapture } from "../evidence/capture.ts";
import type { Digest } from "../format/digest.ts";
import { bytesOfSize, millisOfDuration } from "../format/duration.ts";
import { utcFromMillis } from "../format/time.ts";
import type { GatedStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState, StepState } from "./run-state.ts";
import type { Change, DispatchRow } from "./store.ts";
import { watchHalt } from "./watch-halt.ts";

/** One attempt that has ended: how, and what was captured. */
export interface MadeAttempt {
  readonly row: DispatchRow;
  readonly fact: AttemptFact;
  readonly outcome: AttemptOutcome;
  readonly captured: readonly CapturedArtifact[];
}

/**
 * Makes the call that was dispatched: adapter under its wrapper, output into the evidence store.
 *
 * @throws StoreError when the evidence cannot be stored; the attempt is then in doubt.
 */
export async function callAdapter(
  lane: Lane,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  row: DispatchRow,
  secrets: ReadonlyMap<string, string>,
): Promise<MadeAttempt> {
  const { contract, action } = gated;
  const session = openCapture({
    rules: contract.evidence.artifacts,
    maxBytes: bytesOfSize(contract.evidence.maxBytes),
    idPrefix: `${invocation.id}/${row.attempt}`,
    secrets: [...secrets.values()],
    recipients: gated.recipients,
    files: lane.files,
    clock: lane.clock,
  });
  const halt = watchHalt(lane, action.engagement.id);
  try {
    const outcome = await performAttempt({
      adapter: gated.adapter,
      contract,
      inputs: gated.inputs,
      idempotencyKey: action.idempotencyKey,
      given: gated.given,
      isolated: gated.record.adapter.egress === "kernel-held",
      timeoutMs: timeoutOf(step, gated),
      network: lane.openNetwork({
        endpoints: action.endpoints,
        include: gated.include,
        exclude: gated.exclude,
      }),
      capture: session,
      secrets,
      root: lane.root,
      signal: halt.signal,
    });
    const captured = await session.finish();
    return { row, fact: factOf(row, outcome, utcFromMillis(lane.clock())), outcome, captured };
  } catch (error) {
    await session.abort();
    throw error;
  } finally {
    halt.stop();
  }
}

/** What an attempt's evidence adds to a change of the store. */
export function evidenceOf({ row, captured }: MadeAttempt): Pick<Change, "blobs" | "artifacts"> {
  const { run, invocation, attempt } = row;
  return {
    blobs: captured.flatMap(({ artifact, inline }) =>
      inline === undefined ? [] : [{ digest: artifact.digest as Digest, bytes: inline }],
    ),
    artifacts: captured.map(({ artifact }) => ({ run, invocation, attempt, artifact })),
  };
}

function factOf(row: DispatchRow, outcome: AttemptOutcome, endedAt: string): AttemptFact {
  const { exit, resolvedAddress, errorClass, side } = outcome;
  return {
    n: row.attempt,
    startedAt: row.at,
    endedAt,
    exit,
    ...(resolvedAddress === undefined ? {} : { resolvedAddress }),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(side === undefined ? {} : { side }),
    dispatchDigest: row.gateRecord,
  };
}

/** A step may shorten the contract's deadline, never extend it. */
function timeoutOf(step: StepState, gated: GatedStep): number {
  const declared = millisOfDuration(gated.contract.execution.timeout);
  const { timeout } = step.definition;
  return timeout === undefined ? declared : Math.min(declared, millisOfDuration(timeout));
}
