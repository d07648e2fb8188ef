import type { PrincipalSet } from "../contract/principal.ts";
import type { ConclusionStatement, WithdrawalStatement } from "../contract/signed-statements.ts";
import type { Digest } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { isJsonObject } from "../format/json.ts";
import { checkConclusion, checkWithdrawal } from "../gate/conclusion-statement.ts";
import { type ConclusionEnd, conclusionState, StandingConclusions } from "../gate/standing-conclusions.ts";
import type { Anchor } from "./anchor.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { Bundle } from "./bundle.ts";
import { parseDocument } from "./check-document.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { lifecycleReceipts } from "./evidence.ts";
import { Findings, type LayerResult } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import type { ConclusionReport, StepReport } from "./report.ts";

/** A conclusion whose citations are checked; whether its confidence may stand needs the classes, which come last. */
export interface Concluded {
  readonly digest: Digest;
  readonly statement: ConclusionStatement;
  /** How it ended; undefined while it stands. */
  readonly end: ConclusionEnd | undefined;
  /** Why its confidence may not stand, apart from what it cites. */
  readonly reasons: readonly string[];
}

/**
 * Layer 11: every conclusion is signed by who it names and cites what the bundle holds; one that was superseded or
 * withdrawn was so by who concluded it or by an owner.
 */
export async function checkConclusions(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
): Promise<{ layer: LayerResult; conclusions: Concluded[] }> {
  const findings = new Findings("conclusions");
  const concluded: Omit<Concluded, "end">[] = [];
  const standing = new StandingConclusions();
  /** The same, by what the reviewer says of people. */
  const trustedly = new StandingConclusions();
  let unlisted = 0;
  const claimed = new Map(runs.map((run) => [run.id, run]));
  for (const receipt of bundle.receipts) {
    const { event } = receipt.predicate;
    if (event !== "conclusion-recorded" && event !== "conclusion-withdrawn") continue;
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
    const said = await readSaid(bundle, run, receipt, findings);
    if (said === undefined || run.principals === undefined) continue;
    const { statement, digest, envelope } = said;
    const trusted = await isTrusted(run.principals, receipt, statement, envelope, anchor, findings);
    if (trusted !== true) unlisted += 1;
    const { principal: by } = statement;
    const at = receipt.predicate.time.claimedUtc;
    if (statement.purpose === "witnessops/withdrawal/v1") {
      const end = { state: "withdrawn", by, at, reason: statement.reason } as const;
      const ended = statement.conclusion as Digest;
      if (endConclusion(standing, run, receipt, ended, end, findings))
        checkEnder(trustedly, run, receipt, ended, end, trusted, anchor, findings);
      continue;
    }
    checkCitations(run, statement, receipt, findings);
    checkQuarantine(bundle, run, statement, receipt, findings);
    if (statement.supersedes !== undefined) {
      const end = { state: "superseded", by, at, conclusion: digest } as const;
      const ended = statement.supersedes as Digest;
      if (endConclusion(standing, run, receipt, ended, end, findings))
        checkEnder(trustedly, run, receipt, ended, end, trusted, anchor, findings);
    }
    for (const one of [standing, trustedly]) one.record({ digest, run: run.id, principal: by });
    const reasons = trusted === true ? [] : ["it is not signed by a person whom the trust file lists"];
    concluded.push({ digest, statement, reasons });
  }
  const conclusions = concluded.map((one) => ({ ...one, end: standing.endOf(one.digest) }));
  if (conclusions.length === 0)
    return { layer: findings.end({ internal: "not-present", anchored: "not-applicable" }), conclusions };
  return { layer: findings.end({ anchored: unlisted === 0 ? "established" : "untested" }), conclusions };
}

function endConclusion(
  standing: StandingConclusions,
  run: ClaimedRun,
  receipt: Receipt,
  conclusion: Digest,
  end: ConclusionEnd,
  findings: Findings,
): boolean {
  if (run.principals === undefined) return false;
  const refusal = standing.end(conclusion, run.id, run.principals, end);
  if (refusal === undefined) return true;
  const code = refusal === "conclusion-unknown" ? "FAILURE_COMPLETENESS" : "FAILURE_APPROVAL_INVALID";
  findings.fail(code, `a conclusion is not ${end.state}: ${refusal}`, { receipt: receipt.digest });
  return false;
}

/** Whether the reviewer's trust, too, lets somebody end a conclusion: theirs, or anybody's as an owner. */
function checkEnder(
  trustedly: StandingConclusions,
  run: ClaimedRun,
  receipt: Receipt,
  conclusion: Digest,
  end: ConclusionEnd,
  trusted: boolean | undefined,
  anchor: Anchor,
  findings: Findings,
): void {
  if (!anchor.given || run.principals === undefined) return;
  if (trusted !== true) {
    findings.untested(
      `a conclusion is ${end.state} by \`${end.by}\`, and no person whom the trust file lists signed that`,
    );
    return;
  }
  const refusal = trustedly.end(conclusion, run.id, trustedPrincipals(run.principals, anchor), end);
  if (refusal !== "not-entitled") return;
  const message = `\`${end.by}\`, by whom a conclusion is ${end.state}, is no owner by the trust file`;
  findings.contradict("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
}

/** `high` stands only when a trusted person signed it and nothing it cites is operational input. */
export function reportConclusion(
  { statement, reasons, digest, end }: Concluded,
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
    digest,
    state: end?.state ?? "stands",
    ...(end === undefined ? {} : { ended: conclusionState(end) }),
  };
}

/** A conclusion on a run that is not claimed stands as a receipt only; one that is here must be about that run. */
function checkStray(bundle: Bundle, receipt: Receipt, findings: Findings): void {
  const { event, detail } = receipt.predicate;
  const name = event === "conclusion-withdrawn" ? "withdrawal" : "conclusion";
  const envelope = bundle.envelope(name, String(detail?.[name]));
  const parsed = envelope && parseDocument(envelope.payload);
  if (parsed === undefined || "fault" in parsed || !isJsonObject(parsed.value)) return;
  if (parsed.value.run === receipt.predicate.run) return;
  const message = `the ${name} is about another run than its receipt`;
  findings.fail("FAILURE_DIGEST_MISMATCH", message, { receipt: receipt.digest });
}

type Said = {
  readonly statement: ConclusionStatement | WithdrawalStatement;
  readonly digest: Digest;
  readonly envelope: Envelope;
};

async function readSaid(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  findings: Findings,
): Promise<Said | undefined> {
  const at = { receipt: receipt.digest };
  const { event, detail, time } = receipt.predicate;
  const [name, check] =
    event === "conclusion-withdrawn"
      ? (["withdrawal", checkWithdrawal] as const)
      : (["conclusion", checkConclusion] as const);
  const digest = String(detail?.[name]) as Digest;
  const envelope = bundle.envelope(name, digest);
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", `the ${name} that the receipt records is absent`, at);
    return undefined;
  }
  if (run.principals === undefined) return undefined;
  const checked = await check(envelope, run.principals, time.claimedUtc);
  if (!checked.ok) {
    findings.fail("FAILURE_SIGNATURE_INVALID", `the ${name} does not hold: ${checked.reason}`, at);
    return undefined;
  }
  const { statement } = checked;
  const other =
    statement.run !== run.id ||
    ("conclusion" in statement && statement.conclusion !== detail?.conclusion) ||
    statement.principal !== receipt.predicate.actor.principal;
  if (!other) return { statement, digest, envelope };
  findings.fail("FAILURE_DIGEST_MISMATCH", `the ${name} is about another run, conclusion or person`, at);
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

/**
 * True when a listed person signed it, with a key of whichever form that was in force when they signed; undefined when
 * the signer is not listed.
 */
async function isTrusted(
  principals: PrincipalSet,
  receipt: Receipt,
  statement: ConclusionStatement | WithdrawalStatement,
  envelope: Envelope,
  anchor: Anchor,
  findings: Findings,
): Promise<boolean | undefined> {
  const listed = anchor.principal(statement.principal);
  if (listed === undefined) return undefined;
  const check = statement.purpose === "witnessops/withdrawal/v1" ? checkWithdrawal : checkConclusion;
  const checked = await check(envelope, trustedPrincipals(principals, anchor), statement.signedAt);
  if (checked.ok) return listed.type === "human";
  if (checked.reason === "key-not-valid") return false;
  const message = `the conclusion is not signed with a key of \`${listed.id}\` that the trust file lists`;
  findings.contradict("FAILURE_SIGNATURE_INVALID", message, { receipt: receipt.digest });
  return false;
}
