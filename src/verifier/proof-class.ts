import { type Artifact, RESULT_ARTIFACT } from "../contract/artifact.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { invocationName } from "../contract/invocation-name.ts";
import { type ReceiptPredicate, VERIFICATION_SCOPE_TEXT } from "../contract/receipt-predicate.ts";
import { type JsonObject, sameJson } from "../format/json.ts";
import type { Anchor } from "./anchor.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Evidence } from "./evidence.ts";
import { gateRecordDigest } from "./gate-record-binding.ts";
import { Findings, type LayerResult } from "./layer.ts";
import type { LogResult } from "./log.ts";
import type { Receipt } from "./read-receipts.ts";
import { type Signal, type StepReport, signals } from "./report.ts";
import type { Reviews } from "./reviews.ts";
import type { Signers } from "./signatures.ts";
import { artifactId } from "./step-binding.ts";
import { reportTime, type TimeBoundsOf } from "./time-bounds.ts";

const outcomes: Readonly<Record<string, string>> = {
  "step-executed": "executed",
  "step-failed": "failed",
  "step-denied": "denied",
  "step-skipped": "skipped",
  "step-cancelled": "cancelled",
  "step-in-doubt": "in-doubt",
  "step-paused": "paused",
  "step-dispatched": "dispatched",
};
const classed: ReadonlySet<string> = new Set(["executed", "failed", "in-doubt", "dispatched"]);

/** Layer 10: which of the five signals each step has. The class itself needs the verdict, and comes last. */
export function checkProofClass(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  signers: Pick<Signers, "verified" | "unchecked">,
  log: Pick<LogResult, "isLogged">,
  anchor: Anchor,
  reviews: Reviews,
  bounds: TimeBoundsOf,
  evidence: Evidence,
): { layer: LayerResult; steps: StepReport[] } {
  const findings = new Findings("proof-class");
  const steps = runs.flatMap((run) =>
    lastReceipts(run).map((receipt) =>
      reportStep(bundle, run, receipt, signers, log, anchor, reviews, bounds, evidence),
    ),
  );
  for (const step of steps) {
    if (step.missing.length > 0) findings.note(`\`${step.invocation}\` lacks ${step.missing.join(", ")}`);
  }
  return { layer: findings.end({ anchored: "not-applicable" }), steps };
}

/** The class of a step under a verdict, with the reasons; `denied`, `skipped` and `cancelled` have none. */
export function withProofClass(step: StepReport, verdict: string): StepReport {
  if (!classed.has(step.outcome)) return step;
  const reasons = verdict === "valid" ? step.reasons : [...step.reasons, `the verdict is ${verdict}`];
  const strong = step.missing.length === 0 && reasons.length === 0;
  return { ...step, reasons, proofClass: strong ? "strong-proof" : "operational-input" };
}

/** The newest receipt of each invocation that says how it stands, in the order in which they began. */
function lastReceipts(run: ClaimedRun): Receipt[] {
  const byInvocation = new Map<string, Receipt>();
  for (const receipt of run.receipts) {
    const { event, step } = receipt.predicate;
    if (step === undefined || outcomes[event] === undefined) continue;
    byInvocation.set(invocationName(run.id, step), receipt);
  }
  return [...byInvocation.values()];
}

function reportStep(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  signers: Pick<Signers, "verified" | "unchecked">,
  log: Pick<LogResult, "isLogged">,
  anchor: Anchor,
  reviews: Reviews,
  bounds: TimeBoundsOf,
  evidence: Evidence,
): StepReport {
  const { predicate, digest } = receipt;
  const { step, invocation, contract: pin } = predicate;
  const outcome = outcomes[predicate.event] ?? predicate.event;
  const contract = pin === undefined ? undefined : bundle.contracts.get(referenceOf(pin))?.contract;
  const id = step?.id ?? "";
  const present: Readonly<Record<Signal, boolean>> = {
    "contract-identity": hasContractIdentity(bundle, run, receipt),
    "invocation-outcome": hasOutcome(receipt),
    "artifact-integrity": hasArtifacts(bundle, run, receipt),
    "receipt-linkage": isLinked(receipt, signers) && (!requiresLog(run, anchor) || log.isLogged(digest)),
    "verification-scope": hasScope(receipt),
  };
  return {
    id,
    ...(step?.key === undefined ? {} : { key: step.key }),
    ...(step?.readBack === undefined ? {} : { readBack: step.readBack }),
    invocation: invocation?.id ?? invocationName(run.id, step),
    ...(pin === undefined ? {} : { contract: referenceOf(pin) }),
    outcome,
    ...(invocation?.errorClass === undefined ? {} : { errorClass: invocation.errorClass }),
    ...(invocation?.side === undefined ? {} : { side: invocation.side }),
    receipt: digest,
    time: reportTime(predicate.time.claimedUtc, bounds(digest)),
    missing: classed.has(outcome) ? signals.filter((signal) => !present[signal]) : [],
    reasons: [
      ...(classed.has(outcome) ? reasonsOf(run, receipt, outcome, contract, reviews, evidence) : []),
      ...(signers.unchecked.has(digest) ? ["not individually signature-checked"] : []),
    ],
    ...(invocation?.outputs === undefined
      ? {}
      : {
          observed: {
            outputs: invocation.outputs as JsonObject,
            asReportedBy: contract?.system?.name ?? "the external system",
          },
        }),
    artifacts: (predicate.artifacts ?? []).map(({ id: name, digest: of, size, exact }) => ({
      id: name,
      digest: of,
      size,
      exact,
    })),
  };
}

function reasonsOf(
  run: ClaimedRun,
  { predicate }: Receipt,
  outcome: string,
  contract: Contract | undefined,
  reviews: Reviews,
  evidence: Evidence,
): string[] {
  const reasons = new Set<string>(predicate.exceptions);
  const isRetired = (artifact: Artifact) => evidence.state(run.id, artifact)?.retired !== undefined;
  if (predicate.artifacts?.some(isRetired) === true) reasons.add("retired");
  if (reasons.delete("break-glass")) {
    const review = reviewOf(run, predicate.step, reviews);
    if (review !== "justified")
      reasons.add(
        review === undefined ? "break-glass that nobody reviewed" : "break-glass, found unjustified",
      );
  }
  if (run.document.draft) reasons.add("draft");
  if (run.engagement?.environment === "lab") reasons.add("lab");
  if (predicate.detail?.resolution !== undefined) reasons.add("the outcome is what a person found");
  if (predicate.detail?.readBack !== undefined) reasons.add("the outcome is what a read-back found");
  if (outcome === "in-doubt" || outcome === "dispatched") reasons.add("the outcome is in doubt");
  // Repeated under one idempotency key it counts once; what only reads has no effect to count.
  const harmless = contract?.effect === "read" || contract?.execution.idempotency === "idempotent";
  const earlier = predicate.invocation?.attempts.slice(0, -1) ?? [];
  if (!harmless && earlier.some(({ exit }) => exit === "in-doubt"))
    reasons.add("an earlier attempt is in doubt");
  return [...reasons];
}

/** What a trusted review found of the step's use of break-glass. */
function reviewOf(run: ClaimedRun, step: ReceiptPredicate["step"], reviews: Reviews): string | undefined {
  const used = run.receipts.findLast(
    ({ predicate }) =>
      predicate.event === "break-glass-recorded" &&
      predicate.step?.id === step?.id &&
      predicate.step?.key === step?.key,
  );
  return used && reviews.get(used.digest);
}

function hasContractIdentity(bundle: Bundle, run: ClaimedRun, { predicate }: Receipt): boolean {
  const { contract, runbook, step } = predicate;
  if (contract === undefined || runbook === undefined || step === undefined) return false;
  const pinned = run.document.contracts.some((candidate) => sameJson(candidate, contract));
  return (
    pinned &&
    bundle.contracts.get(referenceOf(contract))?.digest === contract.digest &&
    sameJson(runbook, run.document.runbook)
  );
}

function hasOutcome({ predicate }: Receipt): boolean {
  const { invocation } = predicate;
  const last = invocation?.attempts.at(-1);
  if (invocation === undefined || last === undefined || last.endedAt === undefined) return false;
  return (
    invocation.outcome === "executed" ||
    (invocation.outcome === "failed" && invocation.errorClass !== undefined)
  );
}

function hasArtifacts(bundle: Bundle, run: ClaimedRun, { predicate }: Receipt): boolean {
  const { invocation, artifacts, contract: pin } = predicate;
  // Without the contract's name nothing says what was required, but the result always is.
  const contract = pin === undefined ? undefined : bundle.contracts.get(referenceOf(pin))?.contract;
  const last = invocation?.attempts.at(-1);
  if (invocation === undefined || last === undefined) return false;
  const rules = contract?.evidence.artifacts ?? [];
  const required = rules.filter((rule) =>
    invocation.outcome === "executed" ? rule.required : rule.requiredOnFailure === true,
  );
  const byRunbook =
    invocation.outcome === "executed"
      ? (run.runbook?.evidence?.require ?? []).map((name) => name.split("/"))
      : [];
  const names = [
    RESULT_ARTIFACT,
    ...required.map(({ name }) => name),
    ...byRunbook.flatMap(([step, name]) => (step === predicate.step?.id && name !== undefined ? [name] : [])),
  ];
  return names.every((name) => {
    const id = artifactId(invocation.id, last.n, name);
    const artifact = artifacts?.find((candidate) => candidate.id === id);
    if (artifact === undefined || (artifact.truncated === true && invocation.outcome === "executed"))
      return false;
    return bundle.listed.get(artifactPath(artifact.digest))?.digest === artifact.digest;
  });
}

function isLinked(
  receipt: Receipt,
  { verified, unchecked }: Pick<Signers, "verified" | "unchecked">,
): boolean {
  const { predicate, subject, digest } = receipt;
  const bound = new Map(subject.map((entry) => [entry.name, `sha256:${entry.digest.sha256}`]));
  const artifacts = predicate.artifacts ?? [];
  return (
    (verified.has(digest) || unchecked.has(digest)) &&
    predicate.ledger.prevHash !== null &&
    gateRecordDigest(receipt) !== undefined &&
    artifacts.every((artifact) => bound.get(artifact.id) === artifact.digest)
  );
}

function requiresLog(run: ClaimedRun, anchor: Anchor): boolean {
  return anchor.require.has("log") || run.document.requiredLayers.includes("log");
}

function hasScope({ predicate }: Receipt): boolean {
  const { text, attests, doesNotAttest } = predicate.verificationScope;
  return text === VERIFICATION_SCOPE_TEXT && attests !== undefined && doesNotAttest !== undefined;
}
