import type { BreakGlassFact, GateRecord } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { recordExceptions } from "../contract/record-exceptions.ts";
import { sameJson } from "../format/json.ts";
import { checkBreakGlass } from "../gate/break-glass-statement.ts";
import type { Again } from "./again.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

/** Verifying a signature costs about as much as this many steps of an expression. */
const STEPS_PER_SIGNATURE = 2000;

/**
 * Checks the word by which a person acted without approval, that a gate record saw: present, receipted before, signed
 * by who it names, about this very action; and that its use of the permission is nobody else's.
 *
 * @returns the fact as the statement gives it.
 */
export async function checkRecordedGlass(
  again: Again,
  principals: PrincipalSet,
  receipt: Receipt,
  invoked: Invoked,
  record: GateRecord,
): Promise<BreakGlassFact | undefined> {
  const stated = record.breakGlass;
  if (stated === undefined) return undefined;
  again.charge(STEPS_PER_SIGNATURE);
  const { action } = record;
  const at = { receipt: receipt.digest };
  const invalid = (message: string): undefined =>
    void again.approvals.fail("FAILURE_APPROVAL_INVALID", `\`${action.invocation}\`: ${message}`, at);
  const envelope = again.bundle.envelope("break-glass", stated.digest);
  if (envelope === undefined) {
    again.approvals.fail(
      "FAILURE_COMPLETENESS",
      "the word by which somebody acted without approval is absent",
      at,
    );
    return undefined;
  }
  const checked = await checkBreakGlass(envelope, principals, record.decidedAt, stated.use);
  if (!checked.ok) return invalid(`the word of \`${stated.principal}\` does not hold: ${checked.reason}`);
  const { statement, fact } = checked;
  if (statement.actionDigest !== record.actionDigest || statement.invocation !== action.invocation)
    return invalid(`the word of \`${stated.principal}\` is about another action`);
  if (!sameJson(fact, stated))
    return invalid(`the gate saw another word than \`${stated.principal}\` signed`);
  if (invoked.breakGlass?.digest !== stated.digest)
    return invalid("no receipt before the call records that somebody acts without approval");
  // A use is taken by the call that it let through, and by nothing else.
  if (record.decision === "allow" && recordExceptions(record).includes("break-glass")) {
    const use = `break-glass ${action.engagement.id} ${stated.breakGlass} ${stated.use}`;
    const other = again.ledger.get(use);
    if (other !== undefined && other !== action.invocation)
      invalid(`use ${stated.use} of \`${stated.breakGlass}\` was taken by \`${other}\``);
    again.ledger.set(use, action.invocation);
  }
  return fact;
}
