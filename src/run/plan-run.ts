import type { ActionDocument } from "../contract/action-document.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { decideWhen, expandForEach } from "../contract/step-inputs.ts";
import type { Digest } from "../format/digest.ts";
import { emptyRun } from "./fold-run.ts";
import { gateStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import { PinnedDocuments } from "./pinned-documents.ts";
import { newInvocation, type RunState, type StepState } from "./run-state.ts";
import { prepareRun, type RunRequest } from "./start-run.ts";
import { stepContext } from "./step-context.ts";

/** What a run would do, decided as far as it can be without calling anything. */
export interface Plan {
  /** What stands against opening the run at all. */
  readonly problems: readonly string[];
  readonly steps: readonly PlannedStep[];
}

/** One step of a plan. */
export interface PlannedStep {
  readonly id: string;
  readonly key?: string;
  readonly contract: string;
  /** The gates' decision; `unknown` when the step needs what an earlier one has yet to find out; `skip` by `when`. */
  readonly decision: "allow" | "deny" | "pause" | "unknown" | "skip";
  readonly gates: GateRecord["gates"];
  readonly action?: ActionDocument;
  readonly actionDigest?: string;
  /** Why nothing more can be said. */
  readonly notes: readonly string[];
}

/**
 * Previews a run: resolves what can be resolved, decides every gate, calls nothing, records nothing. An
 * action digest shown here differs from the run's own by its nonce and run id.
 *
 * @throws RunError `INPUTS_REFUSED`; ContractError for malformed definitions.
 */
export async function planRun(lane: Lane, request: RunRequest): Promise<Plan> {
  const prepared = await prepareRun(lane, request);
  const pins = new Map(prepared.pins.map((pin) => [pin.digest, pin.bytes]));
  const document = (digest: Digest) => pins.get(digest) ?? lane.store.document(digest);
  const preview: Lane = { ...lane, pinned: new PinnedDocuments({ document }) };
  const state = emptyRun({
    document: prepared.document,
    documentDigest: prepared.documentDigest,
    runbook: request.runbook,
    opened: prepared.documentDigest,
    // Nothing fails in a preview.
    onFailure: () => "stop",
  });
  const steps: PlannedStep[] = [];
  for (const step of state.steps) steps.push(...(await planStep(preview, state, step)));
  return { problems: prepared.problems, steps };
}

async function planStep(lane: Lane, state: RunState, step: StepState): Promise<PlannedStep[]> {
  const { definition } = step;
  const base = { id: definition.id, contract: definition.uses, gates: [] };
  const context = stepContext(state);
  const when = decideWhen(definition, context);
  if (!when.ok) return [{ ...base, decision: "unknown", notes: when.faults }];
  if (!when.holds) return [{ ...base, decision: "skip", notes: [`\`when\` is false: ${definition.when}`] }];
  const { run } = state.document;
  if (definition.forEach === undefined)
    return [await planInvocation(lane, state, step, newInvocation(run, definition.id))];
  const expanded = expandForEach(definition, context);
  if (!expanded.ok) return [{ ...base, decision: "unknown", notes: expanded.faults }];
  const planned: PlannedStep[] = [];
  for (const each of expanded.elements) {
    planned.push(await planInvocation(lane, state, step, newInvocation(run, definition.id, each)));
  }
  return planned;
}

async function planInvocation(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: ReturnType<typeof newInvocation>,
): Promise<PlannedStep> {
  const base = {
    id: step.definition.id,
    contract: step.definition.uses,
    ...(invocation.key === undefined ? {} : { key: invocation.key }),
  };
  const decided = await gateStep(lane, state, step, invocation, 1);
  if (!decided.ok) return { ...base, decision: "unknown", gates: [], notes: decided.faults };
  const { record, action } = decided.gated;
  return {
    ...base,
    decision: record.decision,
    gates: record.gates,
    action,
    actionDigest: record.actionDigest,
    notes: [],
  };
}
