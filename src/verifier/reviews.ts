import type { PrincipalSet } from "../contract/principal.ts";
import type { ReviewStatement } from "../contract/signed-statements.ts";
import type { Digest } from "../format/digest.ts";
import { permissionOf } from "../gate/break-glass.ts";
import { checkBreakGlass, checkReview } from "../gate/break-glass-statement.ts";
import { mayNotReview } from "../gate/may-review.ts";
import type { Anchor } from "./anchor.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import { disabledBefore } from "./status-receipts.ts";

/** What a trusted, independent person found of a use of break-glass, by the digest of its receipt. */
export type Reviews = ReadonlyMap<string, ReviewStatement["finding"]>;

/**
 * Checks the signed reviews of break-glass: about a use in a run of the bundle, by a reviewer that the engagement names
 * and who neither acted nor asked; by the pinned principals and again by the trust file. Each use is reviewed once.
 */
export async function checkReviews(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  findings: Findings,
): Promise<Reviews> {
  const reviews = new Map<string, ReviewStatement["finding"]>();
  const seen = new Set<string>();
  for (const receipt of bundle.receipts) {
    if (receipt.predicate.event !== "break-glass-reviewed") continue;
    const run = runs.find(({ id }) => id === receipt.predicate.run);
    // Of a run that is not claimed there is nothing here that it could be about.
    if (run === undefined) continue;
    const statement = await checkOne(bundle, run, receipt, anchor, findings);
    if (statement === undefined) continue;
    if (seen.has(statement.receipt)) {
      const message = "a use of break-glass is reviewed once, and there is another review";
      findings.fail("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
    }
    seen.add(statement.receipt);
    if (statement.trusted) reviews.set(statement.receipt, statement.finding);
  }
  return reviews;
}

async function checkOne(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  anchor: Anchor,
  findings: Findings,
): Promise<{ receipt: Digest; finding: ReviewStatement["finding"]; trusted: boolean } | undefined> {
  const { detail, time, actor } = receipt.predicate;
  const at = { receipt: receipt.digest };
  const { engagement, principals } = run;
  const envelope = bundle.envelope("review", String(detail?.review));
  if (envelope === undefined || engagement === undefined || principals === undefined) {
    findings.fail("FAILURE_COMPLETENESS", "the review that the receipt records is absent", at);
    return undefined;
  }
  const checked = await checkReview(envelope, principals, time.claimedUtc);
  if (!checked.ok) {
    findings.fail("FAILURE_SIGNATURE_INVALID", `the review does not hold: ${checked.reason}`, at);
    return undefined;
  }
  const { statement } = checked;
  const use = run.receipts.find(({ digest }) => digest === statement.receipt);
  const fits =
    use?.predicate.event === "break-glass-recorded" &&
    statement.principal === actor.principal &&
    statement.run === run.id &&
    statement.engagement === engagement.id &&
    detail?.receipt === statement.receipt &&
    detail.finding === statement.finding;
  if (!fits) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the review is about something else than its receipt", at);
    return undefined;
  }
  // Who acted, and by which permission, is what they signed, not what the receipt says of it.
  const word = bundle.envelope("break-glass", String(use.predicate.detail?.breakGlass));
  const acted = word && (await checkBreakGlass(word, principals, use.predicate.time.claimedUtc, 1));
  if (acted?.ok !== true) {
    findings.fail("FAILURE_COMPLETENESS", "the use of break-glass that is reviewed was signed by nobody", at);
    return undefined;
  }
  const { principal } = statement;
  const refusal = async (known: PrincipalSet): Promise<string | undefined> => {
    const signed = await checkReview(envelope, known, time.claimedUtc);
    if (!signed.ok) return signed.reason;
    return mayNotReview({
      principal,
      custody: signed.custody,
      glass: permissionOf({ engagement }, acted.statement.breakGlass),
      engagement,
      principals: known,
      involved: [acted.statement.principal, run.document.requester],
      disabled: disabledBefore(bundle, time.claimedUtc),
    });
  };
  const refused = await refusal(principals);
  if (refused !== undefined)
    findings.fail("FAILURE_APPROVAL_INVALID", `\`${principal}\` may not review this: ${refused}`, at);
  let trusted = refused === undefined;
  if (anchor.given) {
    if (anchor.principal(principal) === undefined) {
      trusted = false;
      findings.note(`the trust file does not list \`${principal}\`: the review counts for nothing`);
    } else {
      const untrusted = await refusal(trustedPrincipals(principals, anchor));
      if (untrusted !== undefined) {
        trusted = false;
        const message = `the review by \`${principal}\` does not hold by the trust file: ${untrusted}`;
        findings.contradict("FAILURE_APPROVAL_INVALID", message, at);
      }
    }
  }
  return { receipt: statement.receipt as Digest, finding: statement.finding, trusted };
}
