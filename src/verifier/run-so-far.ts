import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook, RunbookStep } from "../contract/runbook.ts";
import type { StepContext } from "../contract/step-inputs.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { Receipt } from "./read-receipts.ts";

/** One invocation as the receipts so far leave it. */
export interface Invoked {
  readonly key?: string;
  readonly element?: Json;
  phase: string;
  outputs?: JsonObject;
  /** When it first paused, and for which action. */
  paused?: { readonly actionDigest: string; readonly at: string };
  /** Digests of approval envelopes recorded for it, with the host's time. */
  readonly approvals: { readonly digest: string; readonly at: string }[];
  /** Attempts with a signed dispatch. */
  readonly dispatched: Set<number>;
  /** Attempts that a person said did not happen. */
  readonly settled: Set<number>;
  /** Digest of the resolution that says how it ended. */
  resolution?: unknown;
}

interface StepSoFar {
  readonly definition: RunbookStep;
  /** Undefined until a `forEach` step was expanded. */
  invocations: Invoked[] | undefined;
}

const phases: Readonly<Record<string, string>> = {
  "step-executed": "executed",
  "step-failed": "failed",
  "step-denied": "denied",
  "step-skipped": "skipped",
  "step-cancelled": "cancelled",
  "step-paused": "paused",
  "step-in-doubt": "in-doubt",
};

/** A run as far as its receipts were read: what expressions and gates could see at that moment. */
export class RunSoFar {
  readonly steps: ReadonlyMap<string, StepSoFar>;
  readonly #inputs: JsonObject;

  constructor(document: RunDocument, runbook: Runbook) {
    this.#inputs = document.inputs as JsonObject;
    this.steps = new Map(
      runbook.steps.map((definition) => [
        definition.id,
        { definition, invocations: definition.forEach === undefined ? [pending()] : undefined },
      ]),
    );
  }

  /** The invocation that a receipt is about. */
  find(receipt: Receipt): Invoked | undefined {
    const { step } = receipt.predicate;
    return this.steps.get(step?.id ?? "")?.invocations?.find((one) => one.key === step?.key);
  }

  /** What CEL expressions see; `each` when inside a `forEach`. */
  context(invoked?: Invoked): StepContext {
    const steps: Record<string, Json> = {};
    for (const [id, { definition, invocations }] of this.steps) {
      if (invocations === undefined) continue;
      steps[id] =
        definition.forEach === undefined
          ? seen(invocations[0])
          : {
              outcome: invocations.every(({ phase }) => phase === "executed") ? "executed" : "mixed",
              results: invocations.map((one) => ({ key: one.key ?? "", ...seen(one) })),
            };
    }
    const element = invoked?.element;
    return { inputs: this.#inputs, steps, ...(element === undefined ? {} : { each: element }) };
  }

  /** Takes one more receipt of the run's stream into account. */
  apply({ predicate }: Receipt): void {
    const step = this.steps.get(predicate.step?.id ?? "");
    if (step === undefined) return;
    const { event, detail, time } = predicate;
    if (event === "step-expanded") {
      const keys = Array.isArray(detail?.keys) ? detail.keys.map(String) : [];
      const elements = Array.isArray(detail?.elements) ? (detail.elements as Json[]) : [];
      step.invocations = keys.map((key, i) => ({ ...pending(), key, element: elements[i] ?? null }));
      return;
    }
    step.invocations ??= [pending()];
    const found = step.invocations.find((one) => one.key === predicate.step?.key);
    if (found === undefined) return;
    const phase = phases[event];
    if (phase !== undefined) found.phase = phase;
    if (predicate.invocation?.outputs !== undefined)
      found.outputs = predicate.invocation.outputs as JsonObject;
    if (event === "step-paused" && predicate.invocation !== undefined) {
      found.paused = { actionDigest: predicate.invocation.actionDigest, at: time.claimedUtc };
    }
    if (event === "approval-recorded") {
      found.approvals.push({ digest: String(detail?.approval), at: time.claimedUtc });
    }
    if (event === "step-dispatched") found.dispatched.add(Number(detail?.attempt));
    if (event !== "step-resolved") return;
    if (detail?.finding === "retry") {
      found.phase = "pending";
      found.settled.add(Number(detail.attempt));
    } else if (detail?.finding === "executed" || detail?.finding === "failed") {
      found.phase = "resolved";
      found.resolution = detail.resolution;
    }
  }
}

function pending(): Invoked {
  return { phase: "pending", approvals: [], dispatched: new Set(), settled: new Set() };
}

function seen({ phase, outputs }: Invoked = pending()): JsonObject {
  return { outcome: phase, ...(outputs === undefined ? {} : { outputs }) };
}
