import type { ActionDocument } from "../contract/action-document.ts";
import type { GateDecision } from "../contract/gate-record.ts";
import type { Pause } from "../contract/paused-at.ts";
import { readBackId } from "../contract/read-back.ts";
import type { Invocation, ReceiptEvent } from "../contract/receipt-predicate.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook, RunbookStep } from "../contract/runbook.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import type { Digest } from "../format/digest.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { DispatchRow, Head } from "./store.ts";

/** Where an invocation stands (design section 4). */
export type Phase =
  | "pending"
  | "paused"
  | "dispatched"
  | "in-doubt"
  | "resolved"
  | "executed"
  | "failed"
  | "denied"
  | "skipped"
  | "cancelled";

/** One invocation: a step, or one element of its `forEach`. */
export interface InvocationState {
  readonly id: string;
  readonly step: string;
  readonly key?: string;
  readonly element?: Json;
  phase: Phase;
  /** The action asked approval for, once it paused; later attempts use the same document. */
  action?: {
    document: ActionDocument;
    digest: Digest;
    expiresAt?: string;
    /** The gate that it waits at, why, and what that gate saw. */
    waits: GateDecision;
  };
  /** Every time it paused, in order. */
  pauses: Pause[];
  /** Digests of approval envelopes recorded for it. */
  approvals: Digest[];
  /** A person's word that they act without approval: digest of its envelope, and of the receipt. */
  breakGlass?: { readonly digest: Digest; readonly receipt: Digest };
  /** Answers and webhooks recorded for it. */
  given: { readonly what: "answer" | "signal"; readonly digest: Digest; readonly at: string }[];
  /** Attempts that were dispatched, in order. */
  attempts: DispatchRow[];
  /** Attempts that a signed resolution said did not happen. */
  settledAttempts: number[];
  resolution?: { finding: string; digest: Digest };
  /** A held failure that a person released. */
  released: boolean;
  /** Its release ended the run: somebody else has it now. */
  handedOver: boolean;
  /** To whom its failure was escalated, and the package that they were given. */
  escalation?: { to: string; digest: Digest };
  outputs?: JsonObject;
  errorClass?: string;
  /** First reason that is not `ok`, for people. */
  reason?: string;
  gate?: string;
  /** What stood against describing the action at all. */
  faults?: readonly string[];
  invocation?: Invocation;
  /** The contract that was called, `id@version`. */
  contract?: string;
  receipt?: Digest;
  /** Calls that read back what became of an attempt in doubt, in order. */
  readBacks: InvocationState[];
  /** On a read-back: whose doubt it is to settle, and the how manieth it is. */
  readonly readBackOf?: { readonly doubt: InvocationState; readonly n: number };
}

/** One static step of the runbook with its invocations: one, or those of its expansion. */
export interface StepState {
  readonly definition: RunbookStep;
  /** What a failure of it means: its own `onFailure`, else its contract's. */
  readonly onFailure: FailureMode;
  /** Undefined until a `forEach` step was expanded. */
  invocations: InvocationState[] | undefined;
}

/** A run as the fold of its receipts and dispatches: nothing else says where it stands. */
export interface RunState {
  readonly document: RunDocument;
  readonly documentDigest: Digest;
  readonly runbook: Runbook;
  readonly opened: Digest;
  readonly steps: StepState[];
  head: Head | undefined;
  /** Time of the newest receipt, or of opening, as the host claimed it. */
  lastTime: string;
  receipts: number;
  /** Dispatches that the fold has seen: with the head, what a decision was made on. */
  dispatches: number;
  /** Digest of `run-closed`, once it is in the engagement's stream. */
  closed: Digest | undefined;
}

export const terminalPhases: ReadonlySet<Phase> = new Set([
  "executed",
  "failed",
  "denied",
  "skipped",
  "cancelled",
]);

export const phaseOfTerminalEvent: Partial<Record<ReceiptEvent, Phase>> = {
  "step-executed": "executed",
  "step-failed": "failed",
  "step-denied": "denied",
  "step-skipped": "skipped",
  "step-cancelled": "cancelled",
};

/** Id of an invocation: `run/step`, or `run/step[key]`. */
export function invocationId(run: string, step: string, key?: string): string {
  return key === undefined ? `${run}/${step}` : `${run}/${step}[${key}]`;
}

/** A fresh invocation that nothing happened to yet. */
export function newInvocation(
  run: string,
  step: string,
  each?: { key: string; element: Json },
): InvocationState {
  return {
    id: invocationId(run, step, each?.key),
    step,
    ...(each === undefined ? {} : { key: each.key, element: each.element }),
    phase: "pending",
    pauses: [],
    approvals: [],
    given: [],
    attempts: [],
    settledAttempts: [],
    released: false,
    handedOver: false,
    readBacks: [],
  };
}

/** Adds the next read-back of an invocation's doubt; until something of it is recorded it is nothing. */
export function addReadBack(doubt: InvocationState): InvocationState {
  const n = doubt.readBacks.length + 1;
  const { step, key } = doubt;
  const fresh = { ...newInvocation("", step), ...(key === undefined ? {} : { key }) };
  const added: InvocationState = { ...fresh, id: readBackId(doubt.id, n), readBackOf: { doubt, n } };
  doubt.readBacks.push(added);
  return added;
}

/** Every invocation of the run that exists so far, in order; without read-backs. */
export function* invocationsOf(state: RunState): Generator<InvocationState> {
  for (const step of state.steps) yield* step.invocations ?? [];
}
