import type { Contract } from "../contract/contract.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import type { Again } from "./again.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

/** Checks that each attempt of a call was allowed to be made, and was recorded before it was, and none is left out. */
export function checkAttempts(
  again: Again,
  receipt: Receipt,
  invoked: Invoked,
  contract: Contract,
  step: RunbookStep | undefined,
): void {
  const { invocation } = receipt.predicate;
  const { execution, effect } = contract;
  const attempts = invocation?.attempts ?? [];
  const at = { receipt: receipt.digest };
  const wrong = (message: string): void => again.decisions.fail("FAILURE_DECISION_MISMATCH", message, at);
  // Failures are retried this often; doubts are repeated by their idempotency, and are not counted.
  const most = Math.min(execution.retry?.attempts ?? 1, step?.retry?.attempts ?? Number.POSITIVE_INFINITY);
  let failures = 0;
  for (const attempt of attempts) {
    const name = `\`${invocation?.id}\` attempt ${attempt.n}`;
    const dispatched = invoked.dispatched.has(attempt.n);
    if (!(effect === "read" && execution.idempotency === "safe") && !dispatched) {
      again.decisions.fail("FAILURE_COMPLETENESS", `${name} has no signed dispatch before it`, at);
    }
    if (dispatched && invoked.dispatched.get(attempt.n) !== attempt.dispatchDigest)
      wrong(`${name} was dispatched under another gate record`);
    if (attempt.exit === "failed") failures += 1;
    if (attempt === attempts.at(-1)) continue;
    const retried =
      attempt.exit === "failed" && execution.retry?.on.includes(attempt.errorClass ?? "") === true;
    const repeatable = attempt.exit === "in-doubt" && execution.idempotency !== "unsafe";
    if (!retried && !repeatable && !invoked.settled.has(attempt.n)) {
      wrong(`${name} was followed by another, which nothing allows`);
    } else if (retried && failures >= most) {
      wrong(`${name} was followed by another, and no more than ${most} may fail`);
    }
  }
  if (attempts.length < Math.max(invoked.dispatched.size, invoked.attempt?.n ?? 0)) {
    const message = `\`${invocation?.id}\` leaves out an attempt that was dispatched`;
    again.decisions.fail("FAILURE_COMPLETENESS", message, at);
  }
}
