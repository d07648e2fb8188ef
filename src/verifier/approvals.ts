import type { ActionList } from "../contract/action-list.ts";
import type { Contract } from "../contract/contract.ts";
import type { ApprovalFact, BreakGlassFact, GateRecord } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { sameJson } from "../format/json.ts";
import { millisOf } from "../format/time.ts";
import { approvalGate } from "../gate/approval-gate.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { checkBreakGlass } from "../gate/break-glass-statement.ts";
import type { GateFacts } from "../gate/facts.ts";
import type { Again } from "./again.ts";
import type { Anchor } from "./anchor.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

/** Verifying a signature costs about as much as this many steps of an expression. */
const STEPS_PER_SIGNATURE = 2000;

/**
 * Checks the approvals that a gate record saw against their signed statements: present, receipted before,
 * signed by who they name, about this very action, used for one invocation only.
 *
 * @returns the facts as the statements give them.
 */
export async function checkRecordedApprovals(
  again: Again,
  run: ClaimedRun & { readonly principals: PrincipalSet },
  receipt: Receipt,
  invoked: Invoked,
  record: GateRecord,
  contract: Contract,
): Promise<ApprovalFact[]> {
  again.charge(STEPS_PER_SIGNATURE * (record.approvals.length + invoked.approvals.length));
  const facts: ApprovalFact[] = [];
  const invalid = (message: string): void =>
    again.approvals.fail("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
  for (const stated of record.approvals) {
    const envelope = again.bundle.envelope("approval", stated.digest);
    if (envelope === undefined) {
      const message = `the approval of \`${stated.principal}\` that a gate saw is absent`;
      again.approvals.fail("FAILURE_COMPLETENESS", message, { receipt: receipt.digest });
      continue;
    }
    const checked = await checkApproval(envelope, run.principals, record.decidedAt);
    if (!checked.ok) {
      invalid(`the approval of \`${stated.principal}\` does not hold: ${checked.reason}`);
      continue;
    }
    const covers = coversAction(again, record, checked.statement.actionDigest);
    if (covers === undefined) {
      invalid(`the approval of \`${stated.principal}\` is for another action`);
      continue;
    }
    const fact = { ...checked.fact, ...covers };
    if (!sameJson(fact, stated)) invalid(`the gate saw another approval than \`${stated.principal}\` signed`);
    const recorded = invoked.approvals.find(({ digest }) => digest === stated.digest);
    if (recorded === undefined)
      invalid(`no receipt before the call records the approval of \`${stated.principal}\``);
    else if (!isBefore(recorded.at, record.decidedAt))
      invalid(`the approval of \`${stated.principal}\` was recorded after the gates had decided`);
    facts.push(fact);
    if (record.decision !== "allow" || stated.decision !== "approve") continue;
    // One approval of a list serves each of its actions once.
    const once = stated.list === undefined ? stated.digest : `${stated.digest} ${record.actionDigest}`;
    const used = again.ledger.get(once);
    if (used !== undefined && used !== record.action.invocation) {
      invalid(`the approval of \`${stated.principal}\` was used for \`${used}\` and again`);
    }
    again.ledger.set(once, record.action.invocation);
  }
  await checkOmittedRejections(again, run, receipt, invoked, record, contract);
  return facts;
}

/** Whether an approval is about a record's action: by its digest, or by that of a list of this run that has it. */
function coversAction(
  { bundle }: Again,
  record: GateRecord,
  approved: string,
): { list?: string } | undefined {
  if (approved === record.actionDigest) return {};
  const list = bundle.document<ActionList>("action-list", approved);
  const { run, step } = record.action;
  const holds = list?.run === run && list.step === step && list.actions.includes(record.actionDigest);
  return holds ? { list: approved } : undefined;
}

/**
 * A rejection that was recorded before the gates decided may not be left out of what they saw. Where the decision was
 * committed with a receipt, the order of the stream says which came first, whatever times are claimed; a read that may be
 * repeated has no signed dispatch, and may have been under way when the rejection came.
 */
async function checkOmittedRejections(
  again: Again,
  run: ClaimedRun & { readonly principals: PrincipalSet },
  receipt: Receipt,
  invoked: Invoked,
  record: GateRecord,
  { effect, execution }: Contract,
): Promise<void> {
  const isOrdered = !(effect === "read" && execution.idempotency === "safe");
  for (const { digest, at } of invoked.approvals) {
    if (record.approvals.some((stated) => stated.digest === digest)) continue;
    if (!isOrdered && !isBefore(at, record.decidedAt)) continue;
    const envelope = again.bundle.envelope("approval", digest);
    const checked = envelope && (await checkApproval(envelope, run.principals, record.decidedAt));
    if (
      checked?.ok === true &&
      checked.fact.decision === "reject" &&
      coversAction(again, record, checked.statement.actionDigest) !== undefined
    ) {
      const message = `the gates did not see the rejection by \`${checked.fact.principal}\``;
      again.approvals.fail("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
    }
  }
}

/** Whether an instant is not after another one. */
function isBefore(at: string, then: string): boolean {
  return (millisOf(at) ?? Number.NaN) <= (millisOf(then) ?? Number.NaN);
}

/**
 * Decides the approval gate of an action that was carried out once more, with the keys, roles and custody of
 * the reviewer's trust file instead of the workspace's own.
 */
export async function checkAnchoredApprovals(
  again: Again,
  facts: GateFacts,
  receipt: Receipt,
): Promise<void> {
  if (facts.action.approvalRule === "none") return;
  const { anchor, approvals: findings } = again;
  if (!anchor.given) return;
  const principals = trustedPrincipals(facts.principals, anchor);
  const trusted: ApprovalFact[] = [];
  const unlisted: string[] = [];
  for (const { digest, principal } of facts.approvals) {
    const envelope = again.bundle.envelope("approval", digest);
    if (anchor.principal(principal) === undefined) unlisted.push(principal);
    else if (envelope !== undefined) {
      const checked = await checkApproval(envelope, principals, facts.now);
      if (checked.ok) trusted.push(checked.fact);
      else {
        const message = `the approval of \`${principal}\` does not hold by the trust file: ${checked.reason}`;
        findings.contradict("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
      }
    }
  }
  const breakGlass = await trustedGlass(again, facts, principals, unlisted);
  const { breakGlass: _, ...rest } = facts;
  const decided = approvalGate({
    ...rest,
    principals,
    approvals: trusted,
    ...(breakGlass === undefined ? {} : { breakGlass }),
  });
  if (decided.decision === "allow") return;
  if (unlisted.length > 0) {
    findings.untested(`the trust file does not list \`${unlisted[0]}\`, whose approval was needed`);
  } else {
    const message = `\`${facts.action.invocation}\` was called without the approvals that the trust file accepts (${decided.reason})`;
    findings.contradict("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
  }
}

/** The word of who acted without approval, as it holds by the trust file. */
async function trustedGlass(
  { bundle, anchor }: Again,
  { breakGlass, now }: GateFacts,
  principals: PrincipalSet,
  unlisted: string[],
): Promise<BreakGlassFact | undefined> {
  if (breakGlass === undefined) return undefined;
  if (anchor.principal(breakGlass.principal) === undefined) unlisted.push(breakGlass.principal);
  const envelope = bundle.envelope("break-glass", breakGlass.digest);
  const checked = envelope && (await checkBreakGlass(envelope, principals, now, breakGlass.use));
  return checked?.ok === true ? checked.fact : undefined;
}

/** The pinned principals with the kind, roles and keys that the reviewer gives those who are listed. */
export function trustedPrincipals(pinned: PrincipalSet, anchor: Anchor): PrincipalSet {
  return {
    ...pinned,
    principals: pinned.principals.map((principal) => {
      const listed = anchor.principal(principal.id);
      if (listed === undefined) return { ...principal, keys: [] };
      return { ...principal, type: listed.type, roles: [...listed.roles], keys: [...listed.keys] };
    }),
  };
}
