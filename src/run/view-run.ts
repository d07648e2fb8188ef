import type { ActionDocument } from "../contract/action-document.ts";
import type { Invocation } from "../contract/receipt-predicate.ts";
import type { JsonObject } from "../format/json.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "./lane.ts";
import { type InvocationState, type RunState, type StepState, terminalPhases } from "./run-state.ts";

/** A run as people and `--json` see it. Everything in it is folded from receipts and dispatches. */
export interface RunView {
  readonly run: string;
  readonly runbook: string;
  readonly engagement: string;
  readonly requester: string;
  readonly objective: string;
  readonly openedAt: string;
  readonly inputs: JsonObject;
  readonly state: "open" | "waiting" | "closed";
  /** Set when closed: `completed`, `stopped`, `cancelled` or `handed-over`. */
  readonly outcome?: string;
  readonly steps: readonly StepView[];
}

/** One invocation of a run. */
export interface StepView {
  readonly id: string;
  readonly key?: string;
  /** This is the n-th read-back of the step's doubt. */
  readonly readBack?: number;
  readonly invocation: string;
  readonly title?: string;
  readonly contract: string;
  /** `pending`, `paused`, `dispatched`, `in-doubt`, or how it ended. */
  readonly outcome: string;
  readonly gate?: string;
  readonly reason?: string;
  /** What stood against describing the action at all. */
  readonly faults?: readonly string[];
  readonly errorClass?: string;
  readonly attempts: number;
  /** What held the call, and where its connections could go; of calls that ended. */
  readonly isolation?: Invocation["isolation"];
  readonly egress?: Invocation["egress"];
  readonly outputs?: JsonObject;
  readonly receipt?: string;
  /** What waits for somebody, and for what. */
  readonly waitingFor?: {
    readonly what: "approval" | "answer" | "signal" | "time" | "resolution" | "release";
    readonly actionDigest?: string;
    readonly action?: ActionDocument;
    readonly expiresAt?: string;
    /** When a time that is waited for comes. */
    readonly due?: string;
    /** To whom a held failure was escalated, and the digest of the package that they were given. */
    readonly escalatedTo?: string;
    readonly escalation?: string;
  };
}

/** The view of a run. @throws RunError `RUN_UNKNOWN`. */
export function viewRun(lane: Pick<Lane, "states" | "store">, run: string): RunView {
  const state = lane.states.load(run);
  return viewOf(state, closeOutcome(lane, state));
}

/** The view of a folded run. */
export function viewOf(state: RunState, outcome?: string): RunView {
  const { document, runbook } = state;
  const steps = state.steps.flatMap((step) =>
    (step.invocations ?? [undefined]).flatMap((invocation) => [
      viewStep(step, invocation, state),
      ...(invocation?.readBacks ?? [])
        .filter((one) => one.phase !== "pending")
        .map((one) => viewStep(step, one, state)),
    ]),
  );
  const waiting = steps.some((step) => step.waitingFor !== undefined);
  return {
    run: document.run,
    runbook: `${runbook.id}@${runbook.version}`,
    engagement: document.engagement.id,
    requester: document.requester,
    objective: document.objective,
    openedAt: document.openedAt,
    inputs: document.inputs as JsonObject,
    state: state.closed !== undefined ? "closed" : waiting ? "waiting" : "open",
    ...(outcome === undefined ? {} : { outcome }),
    steps,
  };
}

function viewStep(step: StepState, invocation: InvocationState | undefined, state: RunState): StepView {
  const { definition } = step;
  const base = {
    id: definition.id,
    ...(definition.title === undefined ? {} : { title: definition.title }),
    contract: invocation?.contract ?? definition.uses,
  };
  if (invocation === undefined) {
    return { ...base, invocation: `${state.document.run}/${definition.id}`, outcome: "pending", attempts: 0 };
  }
  const {
    key,
    gate,
    reason,
    faults,
    errorClass,
    outputs,
    receipt,
    readBackOf,
    invocation: made,
  } = invocation;
  // A read-back that told nothing is no doubt of its own: its step waits.
  const isOver = state.closed !== undefined || readBackOf !== undefined;
  const waitingFor = isOver ? undefined : waitOf(invocation, step);
  return {
    ...base,
    invocation: invocation.id,
    outcome: invocation.phase === "resolved" ? "in-doubt" : invocation.phase,
    attempts: invocation.attempts.length,
    ...(made === undefined ? {} : { isolation: made.isolation, egress: made.egress }),
    ...(key === undefined ? {} : { key }),
    ...(readBackOf === undefined ? {} : { readBack: readBackOf.n }),
    ...(gate === undefined ? {} : { gate }),
    ...(reason === undefined ? {} : { reason }),
    ...(faults === undefined ? {} : { faults }),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(outputs === undefined ? {} : { outputs }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(waitingFor === undefined ? {} : { waitingFor }),
  };
}

const waited: Readonly<Record<string, "answer" | "signal" | "time">> = {
  "answer-required": "answer",
  "signal-required": "signal",
  "not-yet": "time",
};

function waitOf(invocation: InvocationState, step: StepState): StepView["waitingFor"] {
  if (invocation.phase === "in-doubt") {
    const actionDigest = invocation.attempts.at(-1)?.actionDigest;
    return { what: "resolution", ...(actionDigest === undefined ? {} : { actionDigest }) };
  }
  if (invocation.phase === "paused" && invocation.action !== undefined) {
    const { document, digest, expiresAt, waits } = invocation.action;
    const due = waits.facts.due;
    return {
      what: waited[waits.reason] ?? "approval",
      ...(typeof due === "string" ? { due } : {}),
      actionDigest: digest,
      action: document,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }
  const { onFailure: mode } = step;
  const { escalation } = invocation;
  if (
    terminalPhases.has(invocation.phase) &&
    (mode === "hold" || mode === "escalate") &&
    !invocation.released
  ) {
    if (invocation.phase === "failed" || invocation.phase === "denied")
      return {
        what: "release",
        ...(escalation === undefined ? {} : { escalatedTo: escalation.to, escalation: escalation.digest }),
      };
  }
  return undefined;
}

/** How a run ended, from its `run-closed` receipt; undefined while it is open. */
function closeOutcome(lane: Pick<Lane, "store">, state: RunState): string | undefined {
  const receipt = state.closed === undefined ? undefined : lane.store.receipt(state.closed);
  if (receipt === undefined) return undefined;
  const outcome = readReceipt(receipt.payload).predicate.detail?.outcome;
  return typeof outcome === "string" ? outcome : undefined;
}
