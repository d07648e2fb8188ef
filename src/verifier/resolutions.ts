import type { Engagement } from "../contract/engagement.ts";
import { invocationName } from "../contract/invocation-name.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { releases } from "../contract/signed-statements.ts";
import { mayNotResolve } from "../gate/may-resolve.ts";
import { checkResolution } from "../gate/resolution-statement.ts";
import type { Again } from "./again.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";
import { disabledBefore } from "./status-receipts.ts";

type Pinned = ClaimedRun & { readonly principals: PrincipalSet; readonly engagement: Engagement };

/**
 * Checks a person's signed resolution of a doubt, or release of a held step: it says what its receipt says, about
 * the attempt and action in question, and by the pinned principals and again by the trust file the person may.
 */
export async function checkResolved(
  again: Again,
  run: Pinned,
  receipt: Receipt,
  invoked: Invoked,
): Promise<void> {
  const { detail, time, step, actor } = receipt.predicate;
  const at = { receipt: receipt.digest };
  const { approvals: findings, anchor } = again;
  const envelope = again.bundle.envelope("resolution", String(detail?.resolution));
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", "the resolution that the receipt records is absent", at);
    return;
  }
  const { engagement, principals } = run;
  again.charge(again.bundle.statusReceipts.length);
  const disabled = disabledBefore(again.bundle, time.claimedUtc);
  const refusal = async (known: PrincipalSet): Promise<string | undefined> => {
    const signed = await checkResolution(envelope, known, time.claimedUtc);
    if (!signed.ok) return signed.reason;
    const { custody, statement } = signed;
    const { principal } = statement;
    return mayNotResolve({ principal, custody, engagement, principals: known, disabled });
  };
  const checked = await checkResolution(envelope, principals, time.claimedUtc);
  if (!checked.ok) {
    findings.fail("FAILURE_SIGNATURE_INVALID", `the resolution does not hold: ${checked.reason}`, at);
    return;
  }
  const { statement } = checked;
  const { principal, actionDigest } = statement;
  const { attempt } = invoked;
  const differs =
    principal !== actor.principal ||
    statement.invocation !== invocationName(run.id, step) ||
    statement.finding !== detail?.finding ||
    statement.attempt !== detail.attempt ||
    (attempt !== undefined && attempt.actionDigest !== actionDigest) ||
    (attempt !== undefined && !releases.has(statement.finding) && attempt.n !== statement.attempt);
  if (differs)
    findings.fail("FAILURE_DIGEST_MISMATCH", "the resolution is about something else than its receipt", at);
  const refused = await refusal(principals);
  if (refused !== undefined)
    findings.fail("FAILURE_APPROVAL_INVALID", `\`${principal}\` may not settle this: ${refused}`, at);
  if (!anchor.given) return;
  if (anchor.principal(principal) === undefined) {
    findings.untested(`the trust file does not list \`${principal}\`, who settled a doubt`);
    return;
  }
  const untrusted = await refusal(trustedPrincipals(principals, anchor));
  if (untrusted === undefined) return;
  const message = `the resolution by \`${principal}\` does not hold by the trust file: ${untrusted}`;
  findings.contradict("FAILURE_APPROVAL_INVALID", message, at);
}
