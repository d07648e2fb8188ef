import { invocationName } from "../contract/invocation-name.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { Digest } from "../format/digest.ts";
import { conclusionState } from "../gate/standing-conclusions.ts";
import { engagementStream, runStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { type LedgerConclusion, readConclusions } from "./read-conclusions.ts";
import {
  type ReportedArtifact,
  type ReportedHandling,
  reportArtifacts,
  reportHandling,
} from "./report-evidence.ts";
import { type GlassUse, reviewsOf } from "./reviews.ts";
import { RunError } from "./run-error.ts";
import { phaseOfTerminalEvent } from "./run-state.ts";
import type { Store } from "./store.ts";

/** What happened in an engagement, folded from its receipts: the host's own account, verified by nobody yet. */
export interface EngagementReport {
  readonly schema: "witnessops/engagement-report/v1";
  readonly engagement: string;
  readonly runs: readonly ReportedRun[];
  /** Steps that were called, as they ended. */
  readonly ran: readonly ReportedStep[];
  readonly denied: readonly ReportedDenial[];
  readonly approvals: readonly ReportedApproval[];
  /** Every time somebody acted without the approval that was needed, and its review. */
  readonly breakGlass: readonly GlassUse[];
  /** Named reasons for operational input, by run. */
  readonly exceptions: readonly { readonly run: string; readonly exception: string }[];
  readonly doubt: readonly ReportedDoubt[];
  /** Every artifact as it stands by now. */
  readonly evidence: readonly ReportedArtifact[];
  /** What was done to evidence after it was collected, in this order. */
  readonly handled: readonly ReportedHandling[];
  /** Authorizations, halts and closure. */
  readonly governance: readonly ReportedEvent[];
  /** What people infer. Apart from all that was observed. */
  readonly inferred: readonly ReportedConclusion[];
}

export interface ReportedRun {
  readonly run: string;
  readonly runbook: string;
  readonly requester: string;
  readonly objective: string;
  readonly ticket?: string;
  readonly openedAt: string;
  /** `completed`, `stopped`, `cancelled`, `handed-over`, or `open`. */
  readonly outcome: string;
}

export interface ReportedStep {
  readonly run: string;
  readonly step: string;
  readonly contract: string;
  readonly outcome: string;
  readonly errorClass?: string;
  readonly at: string;
  /** `eligible for strong proof`, or `operational input` and why; the class itself is the verifier's to say. */
  readonly evidence: string;
  readonly receipt: string;
}

export interface ReportedDenial {
  readonly run?: string;
  /** The step; the runbook whose run was not admitted; or what was to be done to which artifact. */
  readonly what: string;
  readonly why: readonly string[];
  readonly at: string;
  readonly receipt: string;
}

export interface ReportedApproval {
  readonly run: string;
  readonly step: string;
  readonly principal: string;
  readonly decision: string;
  readonly keyId: string;
  readonly at: string;
}

export interface ReportedDoubt {
  readonly run: string;
  readonly step: string;
  readonly since: string;
  /** What a person found and signed; undefined while nobody knows. */
  readonly finding?: string;
  readonly by?: string;
}

export interface ReportedEvent {
  readonly event: string;
  readonly actor: string;
  readonly reason?: string;
  readonly at: string;
}

export interface ReportedConclusion {
  readonly run: string;
  readonly statement: string;
  readonly confidence: string;
  readonly principal: string;
  readonly cites: readonly string[];
  readonly at: string;
  /** Envelope digest: how it is named when it is superseded or withdrawn. */
  readonly digest: string;
  /** How it ended, in words; `stands` while it does. */
  readonly state: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/**
 * Folds the report of an engagement from its stream and those of its runs, each read once.
 *
 * @param now UTC, for what is overdue.
 * @throws RunError `RUN_UNKNOWN` when the ledger knows nothing of the engagement.
 */
export function reportEngagement(store: Store, engagement: string, now: string): EngagementReport {
  const stored = store.receipts(engagementStream(engagement));
  if (stored.length === 0) {
    throw new RunError({
      code: "RUN_UNKNOWN",
      message: `the ledger knows nothing of engagement \`${engagement}\``,
      hint: "witnessops engagement list",
    });
  }
  const report: Mutable<EngagementReport> = {
    schema: "witnessops/engagement-report/v1",
    engagement,
    runs: [],
    ran: [],
    denied: [],
    approvals: [],
    breakGlass: reviewsOf(store, engagement, now),
    exceptions: [],
    doubt: [],
    evidence: [],
    handled: [],
    governance: [],
    inferred: readConclusions(store, engagement).all.map(reportedConclusion),
  };
  const outcomes = new Map<string, string>();
  for (const receipt of stored) {
    const { predicate } = readReceipt(receipt.payload);
    const handling = reportHandling(predicate, receipt.digest);
    if (handling !== undefined) report.handled.push(handling);
    else takeEngagementReceipt(report, outcomes, predicate, receipt.digest);
  }
  report.runs = report.runs.map((run) => ({ ...run, outcome: outcomes.get(run.run) ?? "open" }));
  const importers = new Map<string, string>();
  for (const { run } of report.runs) takeRun(store, report, run, importers);
  const requesters = new Map(report.runs.map(({ run, requester }) => [run, requester]));
  report.evidence = reportArtifacts(store, [...requesters.keys()], stored, (run, { id, derivedFrom }) =>
    // Only a redacted copy is derived from an artifact of an attempt that is not its own.
    derivedFrom?.startsWith(`${run}/`) === true && !sameAttempt(id, derivedFrom)
      ? undefined
      : (importers.get(id) ?? requesters.get(run)),
  );
  return report;
}

function takeEngagementReceipt(
  report: Mutable<EngagementReport>,
  outcomes: Map<string, string>,
  predicate: ReceiptPredicate,
  receipt: Digest,
): void {
  const { event, detail, time, actor, intent, run, runbook } = predicate;
  const at = time.claimedUtc;
  switch (event) {
    case "run-opened":
      report.runs.push({
        run: run ?? "",
        runbook: runbook === undefined ? "" : `${runbook.id}@${runbook.version}`,
        requester: actor.principal,
        objective: intent.objective,
        ...(intent.ticket === undefined ? {} : { ticket: intent.ticket }),
        openedAt: at,
        outcome: "open",
      });
      for (const exception of predicate.exceptions) report.exceptions.push({ run: run ?? "", exception });
      return;
    case "run-closed":
      outcomes.set(run ?? "", String(detail?.outcome));
      return;
    case "admission-denied":
      report.denied.push({
        what: String(detail?.runbook),
        why: Array.isArray(detail?.problems) ? detail.problems.map(String) : [String(detail?.reason)],
        at,
        receipt,
      });
      return;
    case "artifact-action-refused":
      report.denied.push({
        ...(run === undefined ? {} : { run }),
        what: `${String(detail?.action)} ${String(detail?.artifact)}`,
        why: [`${String(detail?.reason)}, asked by ${actor.principal}`],
        at,
        receipt,
      });
      return;
    case "conclusion-recorded":
    case "conclusion-withdrawn":
      return;
    default:
      report.governance.push({
        event,
        actor: actor.principal,
        ...(typeof detail?.reason === "string" ? { reason: detail.reason } : {}),
        at,
      });
  }
}

function reportedConclusion({ digest, statement: said, at, end }: LedgerConclusion): ReportedConclusion {
  const { run, statement, confidence, principal, cites } = said;
  return {
    run,
    statement,
    confidence,
    principal,
    cites: cites.map((cite) => cite.artifact ?? cite.receipt),
    at,
    digest,
    state: conclusionState(end),
  };
}

function sameAttempt(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf("/")) === b.slice(0, b.lastIndexOf("/"));
}

function takeRun(
  store: Store,
  report: Mutable<EngagementReport>,
  run: string,
  importers: Map<string, string>,
): void {
  const doubts = new Map<string, Mutable<ReportedDoubt>>();
  for (const { payload, digest } of store.receipts(runStream(run))) {
    const { predicate } = readReceipt(payload);
    const { event, detail, time, actor } = predicate;
    const at = time.claimedUtc;
    const step = stepName(predicate);
    if (predicate.exceptions.includes("bypass") && phaseOfTerminalEvent[event] !== undefined)
      report.exceptions.push({ run, exception: `bypass at ${step}` });
    if (event === "approval-recorded") {
      for (const { principal, decision, keyId } of predicate.approvals ?? [])
        report.approvals.push({ run, step, principal, decision, keyId, at });
    } else if (event === "step-in-doubt") {
      const doubt = { run, step, since: at };
      doubts.set(step, doubt);
      report.doubt.push(doubt);
    } else if (event === "step-resolved") {
      const doubt = doubts.get(step);
      if (doubt !== undefined)
        Object.assign(doubt, { finding: String(detail?.finding), by: actor.principal });
    } else if (event === "step-escalated") {
      report.governance.push({
        event,
        actor: actor.principal,
        reason: `${step} to ${String(detail?.to)}`,
        at,
      });
    } else if (event === "break-glass-recorded") {
      report.exceptions.push({ run, exception: `break-glass at ${step}` });
    } else if (event === "artifact-imported") {
      report.exceptions.push({ run, exception: "import" });
      for (const { id } of predicate.artifacts ?? []) importers.set(id, actor.principal);
    } else if (event === "step-denied") {
      report.denied.push({ run, what: step, why: whyDenied(predicate), at, receipt: digest });
    } else if (event === "step-executed" || event === "step-failed") {
      const name = invocationName(run, predicate.step);
      const review = report.breakGlass.find((use) => use.invocation === name)?.state;
      report.ran.push(ranStep(run, step, predicate, digest, review));
      const doubt = doubts.get(step);
      if (doubt !== undefined && detail?.readBack !== undefined)
        Object.assign(doubt, {
          finding: event === "step-executed" ? "executed" : "failed",
          by: "a read-back",
        });
    }
  }
}

function ranStep(
  run: string,
  step: string,
  predicate: ReceiptPredicate,
  receipt: Digest,
  review: string | undefined,
): ReportedStep {
  const { contract, invocation, event, time } = predicate;
  const errorClass = invocation?.errorClass;
  return {
    run,
    step,
    contract: contract === undefined ? "" : `${contract.id}@${contract.version}`,
    outcome: phaseOfTerminalEvent[event] ?? event,
    ...(errorClass === undefined ? {} : { errorClass }),
    at: time.claimedUtc,
    evidence: evidenceOf(predicate, review),
    receipt,
  };
}

/** As far as a receipt alone tells. */
function evidenceOf(
  { exceptions, detail, invocation }: ReceiptPredicate,
  review: string | undefined,
): string {
  const reasons: string[] = exceptions.filter((one) => one !== "break-glass");
  if (exceptions.includes("break-glass") && review !== "justified")
    reasons.push(
      review === "unjustified" ? "break-glass, found unjustified" : "break-glass that nobody reviewed",
    );
  if (detail?.resolution !== undefined) reasons.push("settled by a person");
  if (detail?.readBack !== undefined) reasons.push("settled by a read-back");
  if (invocation?.attempts.some(({ exit }) => exit === "in-doubt") === true)
    reasons.push("an attempt is in doubt");
  return reasons.length === 0 ? "eligible for strong proof" : `operational input: ${reasons.join(", ")}`;
}

function whyDenied({ gates, detail }: ReceiptPredicate): string[] {
  const refused = gates?.filter(({ decision }) => decision !== "allow") ?? [];
  if (refused.length > 0) return refused.map(({ gate, reason }) => `${gate}: ${reason}`);
  const faults = Array.isArray(detail?.faults) ? detail.faults.map(String) : [];
  return [String(detail?.reason), ...faults];
}

function stepName({ step }: ReceiptPredicate): string {
  if (step === undefined) return "";
  const name = step.key === undefined ? step.id : `${step.id}[${step.key}]`;
  return step.readBack === undefined ? name : `${name} read-back ${step.readBack}`;
}
