import { chargeCel, withCelBudget } from "../contract/cel-budget.ts";
import type { Trust } from "../contract/trust.ts";
import type { PolicyDecider } from "../gate/facts.ts";
import { GateError } from "../gate/gate-error.ts";
import { openPolicies } from "../gate/open-policies.ts";
import type { Again } from "./again.ts";
import { type Anchor, anchorOf } from "./anchor.ts";
import { checkArtifactSet } from "./artifact-set.ts";
import { checkAuthority } from "./authority.ts";
import { openBundle } from "./bundle.ts";
import type { BundleSource } from "./bundle-source.ts";
import { type ClaimedRun, claimedRuns } from "./claimed-runs.ts";
import { checkConclusions, reportConclusion } from "./conclusions.ts";
import { checkContinuity } from "./continuity.ts";
import { decideRunAgain } from "./decide-again.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { evidenceReport } from "./evidence-report.ts";
import { Findings, type LayerName } from "./layer.ts";
import { checkLifecycles } from "./lifecycle.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { checkLog } from "./log.ts";
import { checkManifest, extraFiles } from "./manifest.ts";
import type { Opener } from "./opener.ts";
import { checkTrust } from "./parse-trust.ts";
import { checkProofClass, withProofClass } from "./proof-class.ts";
import type { Receipt } from "./read-receipts.ts";
import { assumptions, type Report } from "./report.ts";
import { boundaryTables, deniedSteps, doubtfulSteps, hostAsserted, reportRun } from "./report-parts.ts";
import { checkReviews } from "./reviews.ts";
import type { SealedArtifacts } from "./sealed.ts";
import { checkSignatures } from "./signatures.ts";
import { checkStructure } from "./structure.ts";
import { boundTimes } from "./time-bounds.ts";
import { checkTimestamps, checkTokens } from "./timestamps.ts";
import { verdictOf } from "./verdict.ts";

/** Options of `verifyBundle`. */
export interface VerifyOptions {
  /** Bounds on what is read; each defaults to `defaultLimits`. */
  readonly limits?: Partial<Limits>;
  /** Told where it stands, as the longer layers begin; the files are read before the first. */
  readonly onLayer?: (layer: LayerName) => void;
  /** Opens sealed artifacts. Default: they stay closed. */
  readonly open?: Opener;
  /**
   * Takes the log's word for receipts of engagements and runs that are in it, instead of checking each one's signature. Faster, and
   * `indeterminate` at best. Default: false.
   */
  readonly throughLog?: boolean;
}

/**
 * Checks a proof bundle offline: every layer of design section 11 in order, none skipped, and goes on past
 * failures. Opens no connection and writes nothing.
 *
 * @param trust what the reviewer trusts; without it the verdict is at best `indeterminate`.
 * @returns the report. What is wrong with the bundle stands in it and is never thrown.
 * @throws VerifierError `FAILURE_INPUT_MALFORMED` when the trust itself is malformed; whatever `source`
 *   throws when it cannot be read.
 */
export async function verifyBundle(
  source: BundleSource,
  trust: Trust | undefined,
  options: VerifyOptions = {},
): Promise<Report> {
  const anchor = anchorOf(trust === undefined ? undefined : checkTrust(trust));
  const limits = { ...defaultLimits, ...options.limits };
  const bundle = await openBundle(source, limits);
  const runs = claimedRuns(bundle);
  const begin = (layer: LayerName): void => options.onLayer?.(layer);

  // When receipts were made is asked by the layers before them too: of a key that somebody else had.
  begin("timestamps");
  const tokens = await checkTokens(bundle, anchor);
  begin("log");
  const log = await checkLog(bundle, runs, anchor);
  const bounds = boundTimes(bundle, {
    stamps: tokens.stamps,
    claimStamps: tokens.claim.stamps,
    threshold: anchor.timeThreshold,
    cosignedAt: log.cosignedAt,
    lowerAt: log.lowerAt,
  });

  begin("artifact-set");
  const artifactSet = checkArtifactSet(bundle);
  const manifest = checkManifest(bundle);
  begin("signatures");
  const evidence = evidenceOf(bundle, runs);
  const isSkipped = ({ digest, predicate }: Receipt): boolean =>
    options.throughLog === true && predicate.ledger.stream !== "workspace" && log.isLogged(digest);
  // Signatures are checked on other threads meanwhile.
  const [signatures, { layer: structure, sealed }] = await Promise.all([
    checkSignatures(bundle, anchor, runs, bounds, isSkipped),
    checkStructure(bundle, runs, evidence, { opener: options.open, maxBytes: limits.maxDocumentBytes }),
  ]);
  const timestamps = checkTimestamps(tokens, bundle, runs, anchor, bounds);
  begin("continuity");
  const continuity = checkContinuity(bundle, runs, anchor);
  begin("re-decision");
  const { authorization, reDecision, authorized, reviews } = await checkDecisions(
    bundle,
    runs,
    anchor,
    signatures.claimed,
    sealed,
    evidence,
  );
  begin("proof-class");
  const proof = checkProofClass(bundle, runs, signatures, log, anchor, reviews, bounds, evidence);
  const concluded = await checkConclusions(bundle, runs, anchor);

  const layers = [
    artifactSet,
    manifest,
    signatures.layer,
    structure,
    timestamps,
    log.layer,
    continuity,
    authorization,
    reDecision,
    proof.layer,
    concluded.layer,
  ];
  const { verdict, reasons } = verdictOf(layers);
  const steps = proof.steps.map((step) => withProofClass(step, verdict));
  return {
    schema: "witnessops/verification/v1",
    verdict,
    reasons,
    partial: runs.some((run) => run.closed === undefined),
    runs: runs.map((run) => reportRun(run, authorized.has(run.id), bounds)),
    layers,
    steps,
    denied: await deniedSteps(bundle, runs),
    boundary: boundaryTables(bundle, steps),
    inferred: concluded.conclusions.map((conclusion) => reportConclusion(conclusion, steps)),
    assumptions,
    hostAsserted: await hostAsserted(bundle, runs),
    evidence: evidenceReport(bundle, runs, evidence, sealed.listed),
    doubt: doubtfulSteps(steps),
    ignoredFiles: extraFiles(bundle),
  };
}

/** Layers 8 and 9 read the same gate records, in one pass. */
async function checkDecisions(
  bundle: Awaited<ReturnType<typeof openBundle>>,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  claimed: boolean,
  sealed: SealedArtifacts,
  evidence: Evidence,
) {
  const authorization = new Findings("authorization");
  const decisions = new Findings("re-decision");
  const authorized = new Set<string>();
  const decider = policyDeciders(decisions);
  const ledger = new Map<string, string>();
  const cel = <T>(work: () => T): T => withCelBudget(bundle.celBudget, work);
  const charge = (steps: number): void => cel(() => chargeCel(steps));
  const again: Again = {
    bundle,
    anchor,
    runs,
    approvals: authorization,
    decisions,
    ledger,
    decider,
    cel,
    charge,
    sealed,
    evidence,
  };
  for (const run of runs) {
    if (await checkAuthority(bundle, run, anchor, authorization)) authorized.add(run.id);
    else
      decisions.untested(
        `what run \`${run.id}\` pins is not authority by any trust: it was decided again from itself`,
      );
    // A claim that no certified key signed costs nothing to make: nothing is decided again for it.
    if (claimed) await decideRunAgain(again, run);
  }
  await checkLifecycles(bundle, claimed ? runs : [], anchor, authorization);
  const reviews = await checkReviews(bundle, claimed ? runs : [], anchor, authorization);
  if (!claimed) {
    const message = "the claim is not signed by a certified key: nothing was decided again";
    authorization.doubt(message);
    decisions.doubt(message);
  }
  if (runs.length === 0) {
    authorization.doubt("there is no run to check");
    decisions.doubt("there is no run to decide again");
  }
  return {
    authorization: authorization.end({ anchored: "established" }),
    reDecision: decisions.end({ anchored: "established" }),
    authorized,
    reviews,
  };
}

/** Opens each pinned policy set once; one that cannot decide here leaves the decision open. */
function policyDeciders(findings: Findings): (run: ClaimedRun) => Promise<PolicyDecider | undefined> {
  const opened = new Map<string, Promise<PolicyDecider | undefined>>();
  return (run) => {
    const { policies } = run;
    if (policies === undefined) return Promise.resolve(undefined);
    const known = opened.get(run.document.policies);
    if (known !== undefined) return known;
    const opening = openPolicies(policies).catch((error: unknown) => {
      if (!(error instanceof GateError)) throw error;
      if (error.code === "POLICY_LANGUAGE_UNSUPPORTED")
        findings.doubt(`the policies cannot be decided here: ${error.message}`);
      else findings.fail("FAILURE_DECISION_MISMATCH", `the pinned policies decide nothing: ${error.message}`);
      return undefined;
    });
    opened.set(run.document.policies, opening);
    return opening;
  };
}
