import type { Contract } from "../contract/contract.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { checkResolution } from "../gate/resolution-statement.ts";
import type { Again } from "./again.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Receipt } from "./read-receipts.ts";
import type { Invoked } from "./run-so-far.ts";

/** Checks that each attempt of an ended call was allowed to be made, and was recorded before it was. */
export function checkAttempts(again: Again, receipt: Receipt, invoked: Invoked, contract: Contract): void {
  const { invocation } = receipt.predicate;
  const { execution, effect } = contract;
  const at = { receipt: receipt.digest };
  for (const attempt of invocation?.attempts ?? []) {
    const name = `\`${invocation?.id}\` attempt ${attempt.n}`;
    if (!(effect === "read" && execution.idempotency === "safe") && !invoked.dispatched.has(attempt.n)) {
      again.decisions.fail("FAILURE_COMPLETENESS", `${name} has no signed dispatch before it`, at);
    }
    if (attempt === invocation?.attempts.at(-1)) continue;
    const retried =
      attempt.exit === "failed" && execution.retry?.on.includes(attempt.errorClass ?? "") === true;
    const repeatable = attempt.exit === "in-doubt" && execution.idempotency !== "unsafe";
    if (!retried && !repeatable && !invoked.settled.has(attempt.n)) {
      again.decisions.fail(
        "FAILURE_DECISION_MISMATCH",
        `${name} was followed by another, which nothing allows`,
        at,
      );
    }
  }
}

/** Checks a person's signed resolution of a doubt, or release of a held step, and that it says what the receipt says. */
export async function checkResolved(
  again: Again,
  run: ClaimedRun & { readonly principals: PrincipalSet },
  receipt: Receipt,
): Promise<void> {
  const { detail, time, step } = receipt.predicate;
  const at = { receipt: receipt.digest };
  const { approvals: findings, anchor } = again;
  const envelope = again.bundle.envelope("resolution", String(detail?.resolution));
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", "the resolution that the receipt records is absent", at);
    return;
  }
  const checked = await checkResolution(envelope, run.principals, time.claimedUtc);
  if (!checked.ok) {
    findings.fail("FAILURE_SIGNATURE_INVALID", `the resolution does not hold: ${checked.reason}`, at);
    return;
  }
  const { statement } = checked;
  const invocation = step?.key === undefined ? `${run.id}/${step?.id}` : `${run.id}/${step.id}[${step.key}]`;
  if (
    statement.invocation !== invocation ||
    statement.finding !== detail?.finding ||
    statement.attempt !== detail.attempt
  ) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the resolution says something else than its receipt", at);
  }
  if (!anchor.given) return;
  if (anchor.principal(statement.principal) === undefined) {
    findings.untested(`the trust file does not list \`${statement.principal}\`, who settled a doubt`);
    return;
  }
  const trusted = await checkResolution(envelope, trustedPrincipals(run.principals, anchor), time.claimedUtc);
  if (!trusted.ok) {
    const message = `the resolution by \`${statement.principal}\` does not hold by the trust file: ${trusted.reason}`;
    findings.contradict("FAILURE_SIGNATURE_INVALID", message, at);
  }
}
