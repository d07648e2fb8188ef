import { RESULT_ARTIFACT } from "../contract/artifact.ts";
import type { Contract } from "../contract/contract.ts";
import { isDoubtful } from "../contract/doubtful-error.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { classifyError, mapOutputs } from "../contract/map-result.ts";
import type { Invocation } from "../contract/receipt-predicate.ts";
import { isJsonObject, type JsonObject, sameJson } from "../format/json.ts";
import type { Again } from "./again.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import { parseDocument } from "./check-document.ts";
import { readGateRecord } from "./gate-record-binding.ts";
import type { Receipt } from "./read-receipts.ts";
import { artifactId } from "./step-binding.ts";

type Attempt = Invocation["attempts"][number];

/** What a call that waited was given: its result must be just that. Undefined for calls that wait for nothing. */
export type GivenTo = (
  record: GateRecord,
) => Promise<{ readonly result: JsonObject | undefined } | undefined>;

/** Computes each attempt's outputs or error class again from its captured `result`, and compares. */
export async function recomputeResults(
  again: Again,
  receipt: Receipt,
  contract: Contract,
  givenTo: GivenTo,
): Promise<void> {
  const { bundle, decisions: findings } = again;
  const { invocation } = receipt.predicate;
  if (invocation === undefined) return;
  for (const attempt of invocation.attempts) {
    const wrong = (message: string): void =>
      findings.fail("FAILURE_DECISION_MISMATCH", `\`${invocation.id}\` attempt ${attempt.n}: ${message}`, {
        receipt: receipt.digest,
      });
    const result = await readResult(again, receipt, attempt);
    const record = await readGateRecord(bundle, attempt.dispatchDigest);
    if (record === undefined) continue;
    const due = await givenTo(record);
    if (result === undefined) {
      // What was answered or signalled is in the bundle, whether or not the call's result was kept.
      const from = attempt.exit === "executed" ? due?.result : undefined;
      const inputs = record.action.inputs as JsonObject;
      if (from !== undefined)
        again.cel(() => checkOutputs(contract, inputs, from, attempt, invocation, receipt, wrong));
      continue;
    }
    // What was captured after an attempt had been given up as doubtful claims nothing, and neither does the doubt.
    if (attempt.exit === "in-doubt" && attempt.errorClass === undefined && attempt.side === undefined)
      continue;
    const inputs = record.action.inputs as JsonObject;
    const { error, result: given } = result;
    if (isJsonObject(error)) again.cel(() => checkError(contract, inputs, error, attempt, wrong));
    else if (isJsonObject(given)) {
      if (due !== undefined && !sameJson(due.result, given))
        wrong("its captured result is not what it waited for and was given");
      again.cel(() => checkOutputs(contract, inputs, given, attempt, invocation, receipt, wrong));
    } else wrong("the captured result is neither a result nor an error");
  }
}

async function readResult(
  { bundle, decisions: findings, evidence, sealed }: Again,
  receipt: Receipt,
  attempt: Attempt,
): Promise<JsonObject | undefined> {
  const { invocation, artifacts, run = "" } = receipt.predicate;
  const id = artifactId(invocation?.id ?? "", attempt.n, RESULT_ARTIFACT);
  const artifact = artifacts?.find((candidate) => candidate.id === id);
  if (artifact === undefined) {
    const last = attempt === invocation?.attempts.at(-1);
    if (last && attempt.exit !== "in-doubt")
      findings.note(`\`${id}\` is absent: the outcome could not be computed again`);
    return undefined;
  }
  if (evidence.state(run, artifact)?.retired !== undefined) {
    findings.note(`\`${id}\` was retired: the outcome could not be computed again`);
    return undefined;
  }
  const isSealed = artifact.sealed !== undefined;
  const bytes = isSealed ? await sealed.open(artifact) : await bundle.artifact(artifact.digest);
  if (isSealed && bytes === undefined)
    findings.doubt(`\`${id}\` is sealed: the outcome cannot be computed again without an identity`);
  // An absent file is found where artifacts are counted; one that is there and cannot be read would excuse any outputs.
  if (!isSealed && bytes === undefined && isListed(bundle, artifact.digest))
    findings.fail("FAILURE_BUNDLE_MALFORMED", `\`${id}\` is too large, or changed while it was read`, {
      receipt: receipt.digest,
    });
  const parsed = bytes === undefined ? undefined : parseDocument(bytes);
  if (parsed !== undefined && "value" in parsed && isJsonObject(parsed.value)) {
    if (parsed.value.schema === "witnessops/result/v1") return parsed.value;
  }
  if (bytes !== undefined) {
    findings.fail("FAILURE_BUNDLE_MALFORMED", `\`${id}\` is not a captured result`, {
      receipt: receipt.digest,
    });
  }
  return undefined;
}

function isListed({ listed }: Bundle, digest: string): boolean {
  return listed.get(artifactPath(digest))?.digest === digest;
}

function checkOutputs(
  contract: Contract,
  inputs: JsonObject,
  result: JsonObject,
  attempt: Attempt,
  invocation: Invocation,
  receipt: Receipt,
  wrong: (message: string) => void,
): void {
  const mapped = mapOutputs(contract, inputs, result);
  if (attempt.exit === "executed") {
    if (!mapped.ok) wrong("its captured result does not give the declared outputs");
    else if (!sameJson(mapped.outputs, invocation.outputs))
      wrong("its captured result gives other outputs than recorded");
    return;
  }
  if (!mapped.ok && attempt.errorClass === "OUTPUT_CONTRACT_VIOLATION") return;
  if (mapped.ok && attempt.errorClass === "EVIDENCE_INCOMPLETE" && lacksEvidence(contract, receipt, attempt))
    return;
  wrong(`its captured result does not explain \`${attempt.errorClass ?? "no class"}\``);
}

function lacksEvidence(contract: Contract, receipt: Receipt, attempt: Attempt): boolean {
  const { artifacts, invocation } = receipt.predicate;
  return contract.evidence.artifacts.some(({ name, required }) => {
    const id = artifactId(invocation?.id ?? "", attempt.n, name);
    const found = artifacts?.find((artifact) => artifact.id === id);
    return required && (found === undefined || found.truncated === true);
  });
}

function checkError(
  contract: Contract,
  inputs: JsonObject,
  error: JsonObject,
  attempt: Attempt,
  wrong: (message: string) => void,
): void {
  const { idempotency } = contract.execution;
  const { code } = error;
  const phase = typeof error.phase === "string" ? error.phase : "";
  // An unsafe call that was not answered: there is an error, and whether it happened is not known.
  const unanswered = attempt.exit === "in-doubt" && idempotency === "unsafe";
  if (!(attempt.exit === "failed" || unanswered) || typeof code !== "string") {
    wrong("an error without a code was captured, or one of what is recorded as executed");
    return;
  }
  // How many addresses were dialled is the host's word: each rule by the number that asks less.
  if (!unanswered && isDoubtful(idempotency, { code, phase }, 0))
    wrong("its captured error is no answer, and leaves an unsafe call in doubt");
  if (unanswered && !isDoubtful(idempotency, { code, phase }, Number.POSITIVE_INFINITY))
    wrong("its captured error is an answer, and leaves no doubt");
  const verdict = classifyError(contract, inputs, { ...error, code });
  if (verdict.errorClass !== attempt.errorClass || verdict.side !== attempt.side) {
    wrong(
      `its captured error is of class \`${verdict.errorClass}\`, recorded is \`${attempt.errorClass ?? "none"}\``,
    );
  }
}
