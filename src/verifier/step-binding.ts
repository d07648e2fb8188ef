import { GATE_RECORD } from "../contract/artifact.ts";
import { invocationName } from "../contract/invocation-name.ts";
import type { Invocation, ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { hexOf } from "../format/digest.ts";
import { sameJson } from "../format/json.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Evidence } from "./evidence.ts";
import { checkGateRecords } from "./gate-record-binding.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import { checkSealing } from "./sealed.ts";

const outcomeOfEvent: Readonly<Partial<Record<ReceiptPredicate["event"], Invocation["outcome"]>>> = {
  "step-executed": "executed",
  "step-failed": "failed",
  "step-denied": "denied",
  "step-skipped": "skipped",
  "step-cancelled": "cancelled",
  "step-paused": "paused",
  "step-dispatched": "dispatched",
  "step-in-doubt": "in-doubt",
};

/** Events that are about a call that was decided: these parts must be there. */
const calls: ReadonlySet<string> = new Set([
  "step-executed",
  "step-failed",
  "step-dispatched",
  "step-in-doubt",
  "step-paused",
]);

/** What a run's receipt says about its run, step, contract, gate record and artifacts fits together. */
export async function checkStepBinding(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  evidence: Evidence,
  findings: Findings,
): Promise<void> {
  const { predicate, digest } = receipt;
  const at = { receipt: digest };
  const { document } = run;
  const mismatch = (message: string): void => findings.fail("FAILURE_DIGEST_MISMATCH", message, at);
  const missing = (message: string): void => findings.fail("FAILURE_REQUIRED_FIELD_MISSING", message, at);
  if (predicate.run !== run.id) mismatch("the receipt is of another run");
  if (predicate.runbook === undefined) missing("the receipt names no runbook");
  else if (!sameJson(predicate.runbook, document.runbook))
    mismatch("the receipt names another runbook than its run");
  if (!sameJson(predicate.engagement, document.engagement))
    mismatch("the receipt names another engagement than its run");
  if (predicate.authorization !== document.authorization)
    mismatch("the receipt names another authorization than its run");
  if (predicate.step !== undefined && !document.steps.includes(predicate.step.id))
    mismatch("the run has no such step");
  if (predicate.event !== "artifact-imported" && predicate.step === undefined)
    missing("the receipt names no step");
  for (const part of calls.has(predicate.event) ? (["contract", "invocation", "gates"] as const) : []) {
    if (predicate[part] === undefined) missing(`the receipt of a call lacks \`${part}\``);
  }
  checkContract(bundle, run, predicate, mismatch, missing);
  checkArtifacts(bundle, run, receipt, evidence, findings);
  if (predicate.invocation === undefined) return;
  const outcome = outcomeOfEvent[predicate.event];
  if (outcome !== undefined && predicate.invocation.outcome !== outcome) {
    findings.fail("FAILURE_BUNDLE_MALFORMED", "the outcome is not that of the event", at);
  }
  checkAttempts(predicate, predicate.invocation, (message) =>
    findings.fail("FAILURE_BUNDLE_MALFORMED", message, at),
  );
  await checkGateRecords(bundle, receipt, predicate.invocation, findings);
}

function checkContract(
  bundle: Bundle,
  run: ClaimedRun,
  predicate: ReceiptPredicate,
  mismatch: (message: string) => void,
  missing: (message: string) => void,
): void {
  const { contract: pin, step, invocation } = predicate;
  if (pin !== undefined) {
    const reference = `${pin.id}@${pin.version}`;
    if (!run.document.contracts.some((pinned) => sameJson(pinned, pin)))
      mismatch("the run does not pin this contract");
    const ofStep = run.runbook?.steps.find((candidate) => candidate.id === step?.id)?.uses;
    const uses =
      step?.readBack === undefined || ofStep === undefined
        ? ofStep
        : bundle.contracts.get(ofStep)?.contract.execution.confirm?.uses;
    if (uses === undefined && step?.readBack !== undefined)
      mismatch("the contract of the step declares no read-back");
    if (uses !== undefined && uses !== reference) mismatch("the runbook's step uses another contract");
    const contract = bundle.contracts.get(reference)?.contract;
    if (contract !== undefined) {
      const { attests, doesNotAttest } = predicate.verificationScope;
      if (attests === undefined || doesNotAttest === undefined) {
        missing("the verification scope does not say what is attested and what not");
      } else if (attests !== contract.attests || doesNotAttest !== contract.doesNotAttest) {
        mismatch("the verification scope is not the contract's");
      }
      const { external } = contract.boundary;
      const rows = Array.isArray(external) ? external : Object.values(external).flat();
      if (!sameJson(predicate.boundary?.external, rows)) mismatch("the boundary is not the contract's");
    }
  }
  if (invocation !== undefined && step !== undefined) {
    if (invocation.id !== invocationName(run.id, step))
      mismatch("the invocation id is not that of run and step");
  }
}

function checkAttempts(
  predicate: ReceiptPredicate,
  invocation: Invocation,
  fail: (message: string) => void,
): void {
  const { attempts, outcome, errorClass } = invocation;
  const settled = predicate.detail?.resolution !== undefined || predicate.detail?.readBack !== undefined;
  attempts.forEach(({ n }, index) => {
    if (n !== index + 1) fail("the attempts are not numbered from 1");
  });
  const last = attempts.at(-1);
  const called = outcome === "executed" || outcome === "failed";
  if (outcome === "in-doubt" && last?.exit !== "in-doubt") fail("the last attempt is not in doubt");
  if (called && last?.exit !== outcome && !settled) {
    fail("the last attempt did not end as the invocation did");
  }
  if (outcome === "failed" && errorClass === undefined && !settled) {
    fail("a failed invocation names its error class");
  }
  if (outcome !== "failed" && outcome !== "in-doubt" && errorClass !== undefined)
    fail("only an invocation that failed or is in doubt has an error class");
  if (settled || last === undefined) return;
  if (last.errorClass !== errorClass || last.side !== invocation.side)
    fail("the invocation has another error class than its last attempt");
}

/** A receipt's artifacts are its subjects, sealed as they must be, and in the bundle unless something excuses them. */
export function checkArtifacts(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  evidence: Evidence,
  findings: Findings,
): void {
  checkSealing(bundle, run, receipt, findings);
  const { predicate, subject, digest } = receipt;
  const at = { receipt: digest };
  const artifacts = predicate.artifacts ?? [];
  const subjects = new Map(subject.map((entry) => [entry.name, entry.digest.sha256]));
  if (subjects.size !== subject.length) findings.fail("FAILURE_COMPLETENESS", "a subject stands twice", at);
  const ids = new Set<string>();
  for (const artifact of artifacts) {
    if (ids.has(artifact.id)) findings.fail("FAILURE_COMPLETENESS", "an artifact stands twice", at);
    ids.add(artifact.id);
    const path = artifactPath(artifact.digest);
    if (subjects.get(artifact.id) !== hexOf(artifact.digest as `sha256:${string}`)) {
      findings.fail(
        "FAILURE_DIGEST_MISMATCH",
        `artifact \`${artifact.id}\` is not among the receipt's subjects`,
        at,
      );
    }
    const file = bundle.listed.get(path);
    if (file === undefined && evidence.isExcused(run.id, artifact)) continue;
    if (file === undefined)
      findings.fail("FAILURE_COMPLETENESS", `artifact \`${artifact.id}\` is absent`, { ...at, path });
    else if (file.digest === artifact.digest && file.size !== artifact.size) {
      findings.fail("FAILURE_DIGEST_MISMATCH", `artifact \`${artifact.id}\` has another size than stated`, {
        ...at,
        path,
      });
    }
  }
  for (const { name } of predicate.invocation === undefined ? [] : subject) {
    if (!ids.has(name) && !name.endsWith(`/${GATE_RECORD}`)) {
      findings.fail(
        "FAILURE_DIGEST_MISMATCH",
        `the subject \`${name.slice(0, 200)}\` is no artifact of the receipt`,
        at,
      );
    }
  }
}

/** Id that an artifact of an invocation's attempt must have. */
export function artifactId(invocation: string, attempt: number, name: string): string {
  return `${invocation}/${attempt}/${name}`;
}
