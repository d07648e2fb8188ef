import { buildEscalation, type Escalation, recipientOf } from "../contract/escalation.ts";
import { invocationName } from "../contract/invocation-name.ts";
import { releases } from "../contract/signed-statements.ts";
import { sameJson } from "../format/json.ts";
import type { Again } from "./again.ts";
import type { WholeRun } from "./decide-call.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";
import type { StepSoFar } from "./run-so-far.ts";

/**
 * Checks that a failure was escalated where it had to be, to whom its contract names, with a package that follows
 * from the receipts before it.
 */
export function checkEscalation(
  again: Again,
  run: WholeRun,
  { definition, onFailure }: StepSoFar,
  invoked: Invoked,
  receipt: Receipt,
): void {
  const { event, detail, step, intent } = receipt.predicate;
  const id = invocationName(run.id, step);
  const wrong = (message: string): void =>
    again.decisions.fail("FAILURE_DECISION_MISMATCH", `\`${id}\`: ${message}`, { receipt: receipt.digest });
  if (event === "step-resolved") {
    if (releases.has(detail?.finding) && onFailure === "escalate" && !invoked.escalated)
      wrong("it was released before it was escalated");
    return;
  }
  if (event !== "step-escalated") return;
  if (onFailure !== "escalate") wrong("it was escalated, and its failure means something else");
  const to = recipientOf(again.bundle.contracts.get(definition.uses)?.contract, run.runbook);
  const given = again.bundle.document<Escalation>("escalation", String(detail?.escalation));
  if (given === undefined) {
    const message = "the package that the escalation names is absent";
    again.decisions.fail("FAILURE_COMPLETENESS", `\`${id}\`: ${message}`, { receipt: receipt.digest });
    return;
  }
  again.charge(run.receipts.length);
  const before = run.receipts.slice(0, run.receipts.indexOf(receipt));
  const { objective } = intent;
  const due = buildEscalation({ run: run.id, invocation: id, to, objective, receipts: before });
  if (detail?.to !== to || !sameJson(due, given))
    wrong("it was escalated to somebody else, or with another package, than follows from the run");
}
