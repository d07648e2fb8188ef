import { CLAIM_PATH, MANIFEST_PATH } from "../contract/proof-bundle.ts";
import {
  engagementEvents,
  type ReceiptPredicate,
  runEvents,
  VERIFICATION_SCOPE_TEXT,
  workspaceEvents,
} from "../contract/receipt-predicate.ts";
import { sha256Hex } from "../format/crypto.ts";
import { type Digest, digestOfJson, hexOf } from "../format/digest.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type Evidence, lifecycleReceipts } from "./evidence.ts";
import { declaredRoot } from "./issuer-roots.ts";
import { checkKeyStatement } from "./key-receipts.ts";
import { Findings, type LayerResult } from "./layer.ts";
import type { Opener } from "./opener.ts";
import type { Receipt } from "./read-receipts.ts";
import { openSealed, type SealedArtifacts } from "./sealed.ts";
import { checkArtifacts, checkStepBinding } from "./step-binding.ts";

/** Layer 4: every document has its form, and every digest that one cites of another is that digest. */
export async function checkStructure(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  evidence: Evidence,
  opening: { readonly opener: Opener | undefined; readonly maxBytes: number },
): Promise<{ layer: LayerResult; sealed: SealedArtifacts }> {
  const findings = new Findings("structure");
  if (!bundle.readable) findings.doubt("the container cannot be read");
  findings.failAll(bundle.faults.structure);
  checkClaim(bundle, findings);
  const seen = new Map<string, Digest>();
  for (const receipt of bundle.receipts) {
    const { receiptId } = receipt.predicate;
    if (seen.has(receiptId)) {
      findings.fail("FAILURE_COMPLETENESS", `the receipt id \`${receiptId}\` stands twice`, {
        receipt: receipt.digest,
      });
    }
    seen.set(receiptId, receipt.digest);
    checkReceipt(bundle, receipt, findings);
  }
  for (const run of runs) {
    checkRun(bundle, run, findings);
    for (const receipt of run.receipts) await checkStepBinding(bundle, run, receipt, evidence, findings);
    for (const receipt of lifecycleReceipts(bundle, run))
      checkArtifacts(bundle, run, receipt, evidence, findings);
  }
  const { opener, maxBytes } = opening;
  const sealed = await openSealed(bundle, runs, evidence, opener, maxBytes, findings);
  return { layer: findings.end({ anchored: "not-applicable" }), sealed };
}

function checkClaim(bundle: Bundle, findings: Findings): void {
  const { claim } = bundle;
  if (claim === undefined) return;
  const at = { path: CLAIM_PATH };
  const manifest = bundle.files.get(MANIFEST_PATH);
  const [subject] = claim.subject;
  if (claim.subject.length !== 1 || subject?.name !== MANIFEST_PATH) {
    findings.fail("FAILURE_BUNDLE_MALFORMED", "the claim is about the manifest and nothing else", at);
  } else if (manifest !== undefined && subject.digest.sha256 !== hexOf(manifest.digest)) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the claim is about another manifest", at);
  }
  const root = declaredRoot(bundle);
  if (root === undefined) {
    findings.fail(
      "FAILURE_COMPLETENESS",
      "the workspace's first receipt, which names its issuer root, is absent",
    );
  } else if (root.keyId !== claim.predicate.workspace) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the claim names another workspace than the receipts", at);
  }
}

const streamOf: Readonly<Record<string, string>> = Object.fromEntries([
  ...workspaceEvents.map((event) => [event, "workspace"]),
  ...engagementEvents.map((event) => [event, "engagement"]),
  ...runEvents.map((event) => [event, "run"]),
]);

function checkReceipt(bundle: Bundle, receipt: Receipt, findings: Findings): void {
  const { predicate, digest } = receipt;
  const at = { receipt: digest };
  const { event, ledger, detail } = predicate;
  const kind = ledger.stream.split(":", 1)[0];
  // An admission that names no engagement is denied in the workspace's stream.
  const misplaced = streamOf[event] !== kind && !(event === "admission-denied" && kind === "workspace");
  if (misplaced)
    findings.fail("FAILURE_BUNDLE_MALFORMED", `\`${event}\` does not belong into \`${ledger.stream}\``, at);
  if (predicate.verificationScope.text !== VERIFICATION_SCOPE_TEXT) {
    findings.fail("FAILURE_BUNDLE_MALFORMED", "the verification scope is not the fixed text", at);
  }
  const cited = citedDigest(predicate);
  if (
    cited !== undefined &&
    !receipt.subject.some(({ digest: { sha256 } }) => `sha256:${sha256}` === cited)
  ) {
    findings.fail(
      "FAILURE_DIGEST_MISMATCH",
      "the receipt's subject is not the document that its detail names",
      at,
    );
  }
  const own = receipt.subject.find(({ name }) => name === "detail");
  if (own !== undefined && own.digest.sha256 !== hexOf(digestOfJson(detail ?? {}))) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the receipt's subject is not its detail", at);
  }
  if (event === "workspace-created") {
    const root = declaredRoot(bundle);
    if (root === undefined || receipt.subject[0]?.digest.sha256 !== sha256Hex(root.spki)) {
      findings.fail("FAILURE_DIGEST_MISMATCH", "the receipt's subject is not the issuer root it names", at);
    }
  }
  checkKeyStatement(bundle, receipt, findings);
  if (
    event === "key-certified" &&
    bundle.envelope("key-certificate", String(detail?.certificate)) === undefined
  ) {
    findings.fail("FAILURE_COMPLETENESS", "the certificate that the receipt names is absent", at);
  }
}

/** The document that a governance event is about, where its detail names one by digest. */
function citedDigest({ event, detail }: ReceiptPredicate): unknown {
  switch (event) {
    case "key-certified":
      return detail?.certificate;
    case "root-rotated":
      return detail?.certificate;
    case "key-revoked":
      return detail?.revocation;
    case "catalog-published":
      return detail?.catalogLock;
    case "engagement-authorized":
      return detail?.authorization;
    case "run-opened":
      return detail?.document;
    case "conclusion-recorded":
      return detail?.conclusion;
    case "conclusion-withdrawn":
      return detail?.withdrawal;
    case "approval-recorded":
      return detail?.approval;
    case "break-glass-recorded":
      return detail?.breakGlass;
    case "domain-control-proved":
      return detail?.receipt;
    case "break-glass-reviewed":
      return detail?.review;
    case "answer-recorded":
      return detail?.answer;
    case "signal-recorded":
      return detail?.signal;
    case "artifact-hold-ended":
    case "artifact-retired":
      return detail?.lifecycle;
    case "artifact-released":
      return detail?.released;
    case "step-escalated":
      return detail?.escalation;
    default:
      return undefined;
  }
}

function checkRun(bundle: Bundle, run: ClaimedRun, findings: Findings): void {
  const { document, opened, id } = run;
  const at = { receipt: opened.digest };
  const missing = (what: string): void =>
    findings.fail("FAILURE_COMPLETENESS", `the ${what} that run \`${id}\` pins is absent`, at);
  if (document.run !== id) findings.fail("FAILURE_DIGEST_MISMATCH", "the run document is of another run", at);
  if (opened.predicate.ledger.stream !== `engagement:${document.engagement.id}`) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the run was opened in another engagement's stream", at);
  }
  if (run.runbook === undefined) missing("runbook");
  else if (!samePin(run.runbook, document.runbook)) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the pinned runbook has another id or version", at);
  } else if (run.runbook.steps.map((step) => step.id).join() !== document.steps.join()) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the run's steps are not those of its runbook", at);
  }
  if (run.engagement === undefined) missing("engagement");
  else if (!samePin(run.engagement, document.engagement)) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the pinned engagement has another id or version", at);
  }
  if (run.principals === undefined) missing("set of principals");
  if (run.policies === undefined) missing("set of policies");
  if (run.lock === undefined) missing("catalog lock");
  if (bundle.envelope("authorization", document.authorization) === undefined) missing("authorization record");
  for (const pinned of document.contracts) {
    const held = bundle.contracts.get(`${pinned.id}@${pinned.version}`);
    if (held === undefined) missing(`contract \`${pinned.id}@${pinned.version}\``);
    else if (held.digest !== pinned.digest) {
      findings.fail("FAILURE_DIGEST_MISMATCH", "the contract is not the one that the run pins", {
        path: held.path,
      });
    }
  }
}

function samePin(document: { id: string; version: string }, pin: { id: string; version: string }): boolean {
  return document.id === pin.id && document.version === pin.version;
}
