import type { GateRecord } from "../contract/gate-record.ts";
import { invocationName } from "../contract/invocation-name.ts";
import type { Bundle } from "./bundle.ts";
import type { WholeRun } from "./decide-call.ts";
import { gateRecordDigest, readGateRecord } from "./gate-record-binding.ts";
import type { Invoked } from "./invoked.ts";
import { RunSoFar } from "./run-so-far.ts";

/** One invocation as a run recorded it, at its end. */
export interface Recorded {
  readonly invoked: Invoked;
  /** The newest gate record about it; undefined when no gate decided. */
  readonly record: GateRecord | undefined;
  /** A person, not a decision, ended it: cancelled on request, or handed over. */
  readonly byPerson: boolean;
}

/** A run as it was recorded to its end. */
export interface RecordedRun {
  readonly invocations: ReadonlyMap<string, Recorded>;
  /** The first gate record of the run: what stands in for a call that was never decided. */
  readonly sample: GateRecord | undefined;
}

/** Reads a run to its end: each invocation by its name. */
export async function readRecordedRun(bundle: Bundle, run: WholeRun): Promise<RecordedRun> {
  // What a failure means is asked of the changed definitions, not here.
  const soFar = new RunSoFar(run.document, run.runbook, () => undefined);
  const invocations = new Map<string, Recorded>();
  let sample: GateRecord | undefined;
  for (const receipt of run.receipts) {
    soFar.apply(receipt);
    const { step, event, detail } = receipt.predicate;
    const invoked = step?.readBack === undefined ? soFar.find(receipt) : undefined;
    if (step === undefined || invoked === undefined) continue;
    const digest = gateRecordDigest(receipt);
    const record = digest === undefined ? undefined : await readGateRecord(bundle, digest);
    sample ??= record;
    const name = invocationName(run.id, step);
    const byPerson = event === "step-cancelled" && detail?.reason !== "stopped";
    invocations.set(name, { invoked, record: record ?? invocations.get(name)?.record, byPerson });
  }
  return { invocations, sample };
}
