import type { ActionDocument } from "../contract/action-document.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook, RunbookStep } from "../contract/runbook.ts";
import { releases } from "../contract/signed-statements.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import type { Digest } from "../format/digest.ts";
import type { Json, JsonObject } from "../format/json.ts";
import {
  addReadBack,
  type InvocationState,
  invocationsOf,
  newInvocation,
  phaseOfTerminalEvent,
  type RunState,
} from "./run-state.ts";
import type { DispatchRow } from "./store.ts";

/** Reads a gate record that a receipt names. */
export type ReadGateRecord = (digest: Digest) => GateRecord;

/** What a fold takes from a receipt. */
export interface AppliedReceipt {
  readonly predicate: ReceiptPredicate;
  readonly digest: Digest;
  readonly gateRecord: Digest | undefined;
}

/** The state of a run that was opened and nothing more. */
export function emptyRun(args: {
  document: RunDocument;
  documentDigest: Digest;
  runbook: Runbook;
  opened: Digest;
  /** What a failure of a step means. */
  onFailure: (step: RunbookStep) => FailureMode;
}): RunState {
  const { document, runbook, onFailure, ...rest } = args;
  return {
    document,
    runbook,
    ...rest,
    steps: runbook.steps.map((definition) => ({
      definition,
      onFailure: onFailure(definition),
      invocations:
        definition.forEach === undefined ? [newInvocation(document.run, definition.id)] : undefined,
    })),
    head: undefined,
    lastTime: document.openedAt,
    receipts: 0,
    dispatches: 0,
    closed: undefined,
  };
}

/** Applies one receipt of the run's stream. Receipts are applied in order, each once. */
export function applyReceipt(state: RunState, receipt: AppliedReceipt, readGateRecord: ReadGateRecord): void {
  const { predicate, digest } = receipt;
  state.head = { seq: predicate.ledger.seq, digest };
  state.lastTime = predicate.time.claimedUtc;
  state.receipts += 1;
  if (predicate.step === undefined) return;
  if (predicate.event === "step-expanded") {
    expand(state, predicate);
    return;
  }
  if (predicate.event === "approval-recorded" && predicate.detail?.list !== undefined) {
    const step = state.steps.find(({ definition }) => definition.id === predicate.step?.id);
    for (const one of step?.invocations ?? []) one.approvals.push(predicate.detail.approval as Digest);
    return;
  }
  const found = find(state, predicate);
  if (found === undefined) return;
  const terminal = phaseOfTerminalEvent[predicate.event];
  if (terminal !== undefined) {
    end(found, predicate, digest);
    found.phase = terminal;
    return;
  }
  switch (predicate.event) {
    case "step-paused":
      if (receipt.gateRecord !== undefined) pause(found, predicate, readGateRecord(receipt.gateRecord));
      return;
    case "approval-recorded":
      found.approvals.push(predicate.detail?.approval as Digest);
      return;
    case "break-glass-recorded":
      found.breakGlass = { digest: predicate.detail?.breakGlass as Digest, receipt: digest };
      return;
    case "answer-recorded":
      found.given.push({ what: "answer", digest: predicate.detail?.answer as Digest, at: state.lastTime });
      return;
    case "signal-recorded":
      found.given.push({ what: "signal", digest: predicate.detail?.signal as Digest, at: state.lastTime });
      return;
    case "step-in-doubt":
      found.phase = "in-doubt";
      return;
    case "step-resolved":
      resolve(found, predicate);
      return;
    case "step-escalated": {
      const { to, escalation } = predicate.detail as { to: string; escalation: Digest };
      found.escalation = { to, digest: escalation };
      return;
    }
    default:
      return;
  }
}

/** Applies one dispatch row, or its end once a later attempt followed it. */
export function applyDispatch(state: RunState, row: DispatchRow): void {
  for (const one of invocationsOf(state)) {
    const found = one.id === row.invocation ? one : readBackNamed(one, row.invocation);
    if (found === undefined) continue;
    const index = found.attempts.findIndex((attempt) => attempt.attempt === row.attempt);
    if (index >= 0) {
      found.attempts[index] = row;
      return;
    }
    found.attempts.push(row);
    state.dispatches += 1;
    const open = row.ended === undefined && !found.settledAttempts.includes(row.attempt);
    if (open && (found.phase === "pending" || found.phase === "paused")) found.phase = "dispatched";
    return;
  }
}

function find(state: RunState, predicate: ReceiptPredicate): InvocationState | undefined {
  const step = state.steps.find((candidate) => candidate.definition.id === predicate.step?.id);
  if (step === undefined) return undefined;
  // A forEach step that ended without being expanded has one invocation of its own.
  step.invocations ??= [newInvocation(state.document.run, step.definition.id)];
  const found = step.invocations.find((candidate) => candidate.key === predicate.step?.key);
  const n = predicate.step?.readBack;
  return n === undefined || found === undefined ? found : readBackAt(found, n);
}

/** The invocation or read-back of a run that has this id. */
export function invocationNamed(state: RunState, id: string): InvocationState | undefined {
  for (const one of invocationsOf(state)) {
    const found = one.id === id ? one : one.readBacks.find((readBack) => readBack.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}

const READ_BACK = /^\/read-back-([1-9][0-9]{0,8})$/;

/** The read-back of an invocation that has this id; it comes to be by its first dispatch. */
function readBackNamed(doubt: InvocationState, id: string): InvocationState | undefined {
  if (!id.startsWith(doubt.id)) return undefined;
  const n = READ_BACK.exec(id.slice(doubt.id.length))?.[1];
  return n === undefined ? undefined : readBackAt(doubt, Number(n));
}

function readBackAt(doubt: InvocationState, n: number): InvocationState | undefined {
  return n === doubt.readBacks.length + 1 ? addReadBack(doubt) : doubt.readBacks[n - 1];
}

function expand(state: RunState, predicate: ReceiptPredicate): void {
  const step = state.steps.find((candidate) => candidate.definition.id === predicate.step?.id);
  if (step === undefined) return;
  const { keys, elements } = predicate.detail as { keys: string[]; elements: Json[] };
  step.invocations = keys.map((key, i) =>
    newInvocation(state.document.run, step.definition.id, { key, element: elements[i] ?? null }),
  );
}

function pause(found: InvocationState, predicate: ReceiptPredicate, record: GateRecord): void {
  const waits = record.gates.at(-1);
  if (waits === undefined) return;
  found.phase = "paused";
  const expiresAt = predicate.detail?.expiresAt;
  const { actionDigest } = record;
  found.pauses.push({ actionDigest, gate: waits.gate, at: predicate.time.claimedUtc });
  found.action = {
    document: record.action as ActionDocument,
    digest: actionDigest as Digest,
    ...(typeof expiresAt === "string" ? { expiresAt } : {}),
    waits,
  };
}

function resolve(found: InvocationState, predicate: ReceiptPredicate): void {
  const { finding, resolution, attempt } = predicate.detail as {
    finding: string;
    resolution: Digest;
    attempt: number;
  };
  if (releases.has(finding)) {
    found.released = true;
    found.handedOver = finding === "hand-over";
  } else if (finding === "retry") {
    found.settledAttempts.push(attempt);
    found.phase = "pending";
  } else {
    found.phase = "resolved";
    found.resolution = { finding, digest: resolution };
  }
}

function end(found: InvocationState, predicate: ReceiptPredicate, digest: Digest): void {
  found.receipt = digest;
  if (predicate.contract !== undefined)
    found.contract = `${predicate.contract.id}@${predicate.contract.version}`;
  const { invocation, gates, detail } = predicate;
  if (invocation !== undefined) found.invocation = invocation;
  if (invocation?.outputs !== undefined) found.outputs = invocation.outputs as JsonObject;
  if (invocation?.errorClass !== undefined) found.errorClass = invocation.errorClass;
  const refused = gates?.find((gate) => gate.decision !== "allow");
  if (refused !== undefined) {
    found.gate = refused.gate;
    found.reason = refused.reason;
  } else if (typeof detail?.reason === "string") {
    found.reason = detail.reason;
    if (Array.isArray(detail.faults)) found.faults = detail.faults.map(String);
  }
}
