import type { ConclusionStatement } from "../contract/signed-statements.ts";
import { isJsonObject } from "../format/json.ts";
import { checkConclusion } from "../gate/conclusion-statement.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import { parseDocument } from "./check-document.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { lifecycleReceipts } from "./evidence.ts";
import { Findings, type LayerResult } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import type { ConclusionReport, StepReport } from "./report.ts";
import { verifyEnvelope } from "./signatures.ts";

/** A conclusion whose citations are checked; whether its confidence may stand needs the classes, which come last. */
export interface Concluded {
  readonly statement: ConclusionStatement;
  /** Why its confidence may not stand, apart from what it cites. */
  readonly reasons: readonly string[];
}

/** Layer 11: every conclusion is signed by who it names and cites what the bundle holds. */
export async function checkConclusions(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
): Promise<{ layer: LayerResult; conclusions: Concluded[] }> {
  const findings = new Findings("conclusions");
  const conclusions: Concluded[] = [];
  let established = 0;
  const claimed = new Map(runs.map((run) => [run.id, run]));
  for (const receipt of bundle.receipts) {
    if (receipt.predicate.event !== "conclusion-recorded") continue;
    const run = claimed.get(receipt.predicate.run ?? "");
    if (run === undefined) {
      checkStray(bundle, receipt, findings);
      continue;
    }
    const { engagement } = run.document;
    if (receipt.predicate.ledger.stream !== `engagement:${engagement.id}`) {
      const message = "the conclusion stands in another engagement's stream than its run";
      findings.fail("FAILURE_DIGEST_MISMATCH", message, { receipt: receipt.digest });
    }
    const statement = await readConclusion(bundle, run, receipt, findings);
    if (statement === undefined) continue;
    checkCitations(run, statement, receipt, findings);
    checkQuarantine(bundle, run, statement, receipt, findings);
    const trusted = await isTrusted(bundle, receipt, statement, anchor, findings);
    if (trusted === true) established += 1;
    const reasons = trusted === true ? [] : ["it is not signed by a person whom the trust file lists"];
    conclusions.push({ statement, reasons });
  }
  if (conclusions.length === 0)
    return { layer: findings.end({ internal: "not-present", anchored: "not-applicable" }), conclusions };
  return {
    layer: findings.end({ anchored: established === conclusions.length ? "established" : "untested" }),
    conclusions,
  };
}

/** `high` stands only when a trusted person signed it and nothing it cites is operational input. */
export function reportConclusion(
  { statement, reasons }: Concluded,
  steps: readonly StepReport[],
): ConclusionReport {
  const weak = statement.cites.some(({ receipt }) => {
    const step = steps.find((candidate) => candidate.receipt === receipt);
    return step?.proofClass !== "strong-proof";
  });
  const against = [...reasons, ...(weak ? ["it cites what is not strong proof"] : [])];
  const { confidence, principal, cites } = statement;
  const supported = confidence !== "high" || against.length === 0;
  return {
    statement: statement.statement,
    principal,
    confidence,
    supported,
    reasons: supported ? [] : against,
    cites: cites.map((cite) => ({ ...cite })),
  };
}

/** A conclusion on a run that is not claimed stands as a receipt only; one that is here must be about that run. */
function checkStray(bundle: Bundle, receipt: Receipt, findings: Findings): void {
  const envelope = bundle.envelope("conclusion", String(receipt.predicate.detail?.conclusion));
  const parsed = envelope && parseDocument(envelope.payload);
  if (parsed === undefined || "fault" in parsed || !isJsonObject(parsed.value)) return;
  if (parsed.value.run === receipt.predicate.run) return;
  const message = "the conclusion is about another run than its receipt";
  findings.fail("FAILURE_DIGEST_MISMATCH", message, { receipt: receipt.digest });
}

async function readConclusion(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  findings: Findings,
): Promise<ConclusionStatement | undefined> {
  const at = { receipt: receipt.digest };
  const envelope = bundle.envelope("conclusion", String(receipt.predicate.detail?.conclusion));
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", "the conclusion that the receipt records is absent", at);
    return undefined;
  }
  if (run.principals === undefined) return undefined;
  const checked = await checkConclusion(envelope, run.principals, receipt.predicate.time.claimedUtc);
  if (!checked.ok) {
    findings.fail("FAILURE_SIGNATURE_INVALID", `the conclusion does not hold: ${checked.reason}`, at);
    return undefined;
  }
  if (checked.statement.run === run.id) return checked.statement;
  findings.fail("FAILURE_DIGEST_MISMATCH", "the conclusion is about another run", at);
  return undefined;
}

function checkCitations(
  run: ClaimedRun,
  statement: ConclusionStatement,
  receipt: Receipt,
  findings: Findings,
): void {
  const at = { receipt: receipt.digest };
  for (const cite of statement.cites) {
    const cited = run.receipts.find(({ digest }) => digest === cite.receipt);
    if (cited === undefined)
      findings.fail("FAILURE_COMPLETENESS", "the conclusion cites a receipt that its run does not have", at);
    else if (
      cite.artifact !== undefined &&
      !cited.predicate.artifacts?.some(({ digest }) => digest === cite.artifact)
    ) {
      findings.fail(
        "FAILURE_DIGEST_MISMATCH",
        "the conclusion cites an artifact that the receipt does not bind",
        at,
      );
    }
  }
}

/** What nobody had classified when the conclusion was recorded may not be cited. */
function checkQuarantine(
  bundle: Bundle,
  run: ClaimedRun,
  statement: ConclusionStatement,
  receipt: Receipt,
  findings: Findings,
): void {
  const cited = new Set(statement.cites.map((cite) => cite.receipt));
  const open = run.receipts
    .filter(({ digest, predicate }) => predicate.event === "artifact-imported" && cited.has(digest))
    .flatMap(({ predicate }) => predicate.artifacts ?? [])
    .filter(({ sensitivity }) => sensitivity === undefined);
  if (open.length === 0) return;
  const classified = new Set(
    lifecycleReceipts(bundle, run)
      .filter(({ predicate }) => predicate.event === "artifact-classified")
      .filter(({ predicate }) => predicate.ledger.seq < receipt.predicate.ledger.seq)
      .map(({ predicate }) => predicate.detail?.artifact),
  );
  for (const { id } of open) {
    if (classified.has(id)) continue;
    const message = `the conclusion cites \`${id}\`, which nobody had classified`;
    findings.fail("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
  }
}

/** True when a listed person signed it; undefined when the signer is not listed. */
async function isTrusted(
  bundle: Bundle,
  receipt: Receipt,
  statement: ConclusionStatement,
  anchor: Anchor,
  findings: Findings,
): Promise<boolean | undefined> {
  const envelope = bundle.envelope("conclusion", String(receipt.predicate.detail?.conclusion));
  const listed = anchor.principal(statement.principal);
  if (envelope === undefined || listed === undefined) return undefined;
  for (const trusted of listed.trustedKeys) {
    if (!(await verifyEnvelope(trusted.key, envelope))) continue;
    return listed.type === "human" && isValidAt(trusted, statement.signedAt);
  }
  const message = `the conclusion is not signed with a key of \`${listed.id}\` that the trust file lists`;
  findings.contradict("FAILURE_SIGNATURE_INVALID", message, { receipt: receipt.digest });
  return false;
}
