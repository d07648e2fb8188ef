import { withCelBudget } from "../contract/cel-budget.ts";
import { referenceOf } from "../contract/contract.ts";
import { invocationName } from "../contract/invocation-name.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import type { Runbook } from "../contract/runbook.ts";
import { openPolicies } from "../gate/open-policies.ts";
import { openBundle } from "./bundle.ts";
import type { BundleSource } from "./bundle-source.ts";
import { claimedRuns } from "./claimed-runs.ts";
import { isWhole } from "./decide-again.ts";
import { defaultLimits } from "./limits.ts";
import { type RecordedRun, readRecordedRun } from "./recorded-run.ts";
import { type Replayed, replayRun } from "./replay-run.ts";
import type { Report } from "./report.ts";
import { VerifierError } from "./verifier-error.ts";

/** What stands in for what a run pinned. At least one of them. */
export interface Change {
  /** Takes the place of the runbook of the same id, whatever its version. */
  readonly runbook?: Runbook;
  readonly policies?: PolicySet;
}

/** How an invocation went, and how it would have gone. */
export interface WhatIfStep extends Replayed {
  /** Undefined when the run had no such invocation. */
  readonly recorded?: {
    readonly outcome: string;
    readonly decision?: string;
    readonly gate?: string;
    readonly reason?: string;
  };
  readonly differs: boolean;
}

export interface WhatIfRun {
  readonly id: string;
  readonly runbook: string;
  readonly insteadOf: string;
  readonly steps: readonly WhatIfStep[];
  /** Invocations that the run had and the changed runbook has not. */
  readonly gone: readonly string[];
}

/** What a changed runbook or policy would have decided otherwise. It verifies nothing and is no evidence. */
export interface WhatIf {
  readonly schema: "witnessops/what-if/v1";
  /** The verdict on the bundle as it is. */
  readonly verdict: Report["verdict"];
  readonly runs: readonly WhatIfRun[];
  readonly differences: number;
}

/**
 * Decides recorded runs with a changed runbook or policy set, from the recorded artifacts alone: nothing is called.
 * Unlike re-decision, which compares with what was pinned, this compares with what might have been.
 *
 * @param report what verifying the same bundle gave.
 * @throws VerifierError `FAILURE_INPUT_MALFORMED` when the bundle is `invalid`, or has no run that the change is about;
 *   GateError when the policies decide nothing; CelBudgetSpent when the expressions do too much work.
 */
export async function whatIf(source: BundleSource, report: Report, change: Change): Promise<WhatIf> {
  if (report.verdict === "invalid")
    throw refused(
      "the bundle is invalid: what it records may not be what happened",
      "witnessops verify <bundle>",
    );
  const bundle = await openBundle(source, defaultLimits);
  const runs: WhatIfRun[] = [];
  for (const run of claimedRuns(bundle)) {
    if (!isWhole(run) || run.policies === undefined) continue;
    if (change.runbook !== undefined && change.runbook.id !== run.runbook.id) continue;
    const runbook = change.runbook ?? run.runbook;
    const policy = await openPolicies(change.policies ?? run.policies);
    const recorded = await readRecordedRun(bundle, run);
    const replayed = withCelBudget(bundle.celBudget, () =>
      replayRun(run, recorded, { runbook, policy, contract: (reference) => bundle.contracts.get(reference) }),
    );
    const steps = replayed.map((one) => compare(run.id, recorded, one));
    const names = new Set(replayed.map((one) => nameOf(run.id, one)));
    runs.push({
      id: run.id,
      runbook: referenceOf(runbook),
      insteadOf: referenceOf(run.runbook),
      steps,
      gone: [...recorded.invocations.keys()].filter((name) => !names.has(name)),
    });
  }
  if (runs.length === 0)
    throw refused(
      change.runbook === undefined
        ? "the bundle has no run that can be decided"
        : `the bundle has no run of \`${change.runbook.id}\``,
      "name a runbook with the id of one that was run",
    );
  const differences = runs
    .map(({ steps, gone }) => steps.filter(({ differs }) => differs).length + gone.length)
    .reduce((sum, each) => sum + each, 0);
  return { schema: "witnessops/what-if/v1", verdict: report.verdict, runs, differences };
}

function compare(run: string, { invocations }: RecordedRun, one: Replayed): WhatIfStep {
  const before = invocations.get(nameOf(run, one));
  if (before === undefined) return { ...one, differs: true };
  const { record, invoked } = before;
  // A later end, a cancellation say, is not the gate's.
  const byGate = invoked.phase === "denied" || invoked.phase === "paused";
  const last = byGate ? record?.gates.at(-1) : undefined;
  const recorded = {
    outcome: invoked.phase,
    ...(record === undefined ? {} : { decision: record.decision }),
    ...(last === undefined ? {} : { gate: last.gate, reason: last.reason }),
  };
  const differs =
    recorded.outcome !== one.outcome || recorded.gate !== one.gate || recorded.reason !== one.reason;
  return { ...one, recorded, differs };
}

function nameOf(run: string, { step, key }: Replayed): string {
  return invocationName(run, { id: step, ...(key === undefined ? {} : { key }) });
}

function refused(message: string, hint: string): VerifierError {
  return new VerifierError({ code: "FAILURE_INPUT_MALFORMED", message, hint });
}
