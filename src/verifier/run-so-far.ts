import { compileCel } from "../contract/cel.ts";
import { expressionsOf } from "../contract/cel-tree.ts";
import { keepForCel } from "../contract/cel-value.ts";
import { terminalEvents } from "../contract/receipt-predicate.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook, RunbookStep } from "../contract/runbook.ts";
import { type StepContext, stepVariables } from "../contract/step-inputs.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import { deepFreeze, type Json, type JsonObject } from "../format/json.ts";
import { type Invoked, newInvoked, phaseOfEvent, takeReceipt } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

const terminal: ReadonlySet<string> = new Set(terminalEvents.map((event) => phaseOfEvent[event] ?? event));

/** One static step as the receipts so far leave it. */
export interface StepSoFar {
  readonly definition: RunbookStep;
  readonly index: number;
  /** What a failure of it means: its own `onFailure`, else its contract's. */
  readonly onFailure: FailureMode | undefined;
  /** By key; undefined until a `forEach` step was expanded or ended without being so. */
  invocations: Map<string | undefined, Invoked> | undefined;
  /** How many invocations are in which phase. */
  readonly counts: Map<string, number>;
  /** Failed or denied invocations that a person released. */
  released: number;
  /** What expressions see of it, until it changes. */
  seen: JsonObject | undefined;
}

/** A run as far as its receipts were read: what expressions and gates could see at that moment. */
export class RunSoFar {
  readonly steps: ReadonlyMap<string, StepSoFar>;
  /** A step was cancelled because a person asked for it. */
  cancelRequested = false;
  /** A person released a held step by ending the run: somebody else has it now. */
  handedOver = false;
  readonly #inputs: JsonObject;
  readonly #opened: string;
  readonly #reads = new Map<string, readonly string[]>();

  constructor(
    document: RunDocument,
    runbook: Runbook,
    modeOf: (step: RunbookStep) => FailureMode | undefined,
  ) {
    this.#inputs = keepForCel(deepFreeze(document.inputs as JsonObject));
    this.#opened = document.openedAt;
    this.steps = new Map(
      runbook.steps.map((definition, index) => {
        const step: StepSoFar = {
          definition,
          index,
          onFailure: modeOf(definition),
          invocations: undefined,
          counts: new Map(),
          released: 0,
          seen: undefined,
        };
        if (definition.forEach === undefined) this.#begin(step, [newInvoked(this.#opened)]);
        return [definition.id, step];
      }),
    );
  }

  /** The step that a receipt names, when the runbook has it. */
  stepOf({ predicate }: Receipt): StepSoFar | undefined {
    return this.steps.get(predicate.step?.id ?? "");
  }

  /** The invocation that a receipt is about; undefined when the run has none like it. */
  find(receipt: Receipt): Invoked | undefined {
    const { step } = receipt.predicate;
    const found = this.stepOf(receipt)?.invocations?.get(step?.key);
    if (step?.readBack === undefined || found === undefined) return found;
    // The next in turn comes to be by its first receipt.
    if (step.readBack === found.readBacks.length + 1)
      found.readBacks.push({ ...newInvoked(found.lastAt), ...keyOf(found), readBackOf: found });
    return found.readBacks[step.readBack - 1];
  }

  /** What the CEL expressions of a step see: the steps that they read, and `each` when inside a `forEach`. */
  context(definition: RunbookStep, invoked?: Invoked): StepContext {
    const steps: Record<string, Json> = {};
    for (const id of this.#readBy(definition)) {
      const step = this.steps.get(id);
      if (step?.invocations === undefined) continue;
      step.seen ??= keepForCel(deepFreeze(seenOf(step.definition, step.invocations)));
      steps[id] = step.seen;
    }
    const element = invoked?.element;
    return { inputs: this.#inputs, steps, ...(element === undefined ? {} : { each: element }) };
  }

  /** Takes one more receipt of the run's stream into account. */
  apply(receipt: Receipt): void {
    const step = this.stepOf(receipt);
    if (step === undefined) return;
    const { predicate } = receipt;
    const { event, detail, time } = predicate;
    step.seen = undefined;
    if (event === "step-cancelled" && detail?.reason === "requested") this.cancelRequested = true;
    if (event === "step-expanded") {
      const keys = Array.isArray(detail?.keys) ? detail.keys.map(String) : [];
      const elements = Array.isArray(detail?.elements) ? (detail.elements as Json[]) : [];
      const list = keys.map((key, i) => newInvoked(time.claimedUtc, { key, element: elements[i] ?? null }));
      this.#begin(step, list);
      return;
    }
    if (event === "approval-recorded" && detail?.list !== undefined) {
      for (const one of step.invocations?.values() ?? [])
        one.approvals.push({ digest: String(detail.approval), at: time.claimedUtc });
      return;
    }
    if (step.invocations === undefined) this.#begin(step, [newInvoked(this.#opened)]);
    const found = this.find(receipt);
    if (found === undefined) return;
    const { phase, released } = found;
    takeReceipt(found, receipt);
    // A read-back leaves its step where it is: in doubt.
    if (found.readBackOf !== undefined) return;
    if (found.released !== released) step.released += 1;
    if (found.handedOver) this.handedOver = true;
    count(step, phase, -1);
    count(step, found.phase, 1);
  }

  #begin(step: StepSoFar, list: readonly Invoked[]): void {
    step.invocations = new Map(list.map((one) => [one.key, one]));
    step.counts.clear();
    for (const { phase } of step.invocations.values()) count(step, phase, 1);
  }

  #readBy(definition: RunbookStep): readonly string[] {
    const known = this.#reads.get(definition.id);
    if (known !== undefined) return known;
    const { when, forEach } = definition;
    const texts = [definition.with, when, forEach?.in, forEach?.key].flatMap((part) =>
      expressionsOf(part).map(({ text }) => text),
    );
    const variables = stepVariables({ ...definition, forEach: forEach ?? { in: "[]", max: 1 } });
    const reads = new Set<string>();
    for (const text of texts) {
      const compiled = compileCel(text, variables);
      for (const id of (compiled.ok && compiled.program.members.get("steps")) || []) reads.add(id);
    }
    const list = reads.has("*") ? [...this.steps.keys()] : [...reads];
    this.#reads.set(definition.id, list);
    return list;
  }
}

/** Whether every invocation of a step has ended. */
export function isOver({ invocations, counts }: StepSoFar): boolean {
  if (invocations === undefined) return false;
  let ended = 0;
  for (const phase of terminal) ended += counts.get(phase) ?? 0;
  return ended === invocations.size;
}

/** Whether every invocation of a step was executed. */
export function isExecuted({ invocations, counts }: StepSoFar): boolean {
  return invocations !== undefined && (counts.get("executed") ?? 0) === invocations.size;
}

/** How many invocations of a step were called in vain, or refused. */
export function broken({ counts }: StepSoFar): number {
  return (counts.get("failed") ?? 0) + (counts.get("denied") ?? 0);
}

function keyOf({ key }: Invoked): { key?: string } {
  return key === undefined ? {} : { key };
}

function count({ counts }: StepSoFar, phase: string, by: number): void {
  counts.set(phase, (counts.get(phase) ?? 0) + by);
}

function seenOf(definition: RunbookStep, invocations: ReadonlyMap<string | undefined, Invoked>): JsonObject {
  const all = [...invocations.values()];
  if (definition.forEach === undefined) return outcomeOf(all[0]);
  return {
    outcome: all.every(({ phase }) => phase === "executed") ? "executed" : "mixed",
    results: all.map((one) => ({ key: one.key ?? "", ...outcomeOf(one) })),
  };
}

function outcomeOf(invoked: Invoked | undefined): JsonObject {
  if (invoked === undefined) return { outcome: "pending" };
  const { phase, outputs } = invoked;
  return { outcome: phase, ...(outputs === undefined ? {} : { outputs }) };
}
