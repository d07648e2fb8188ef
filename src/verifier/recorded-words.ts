import type { ActionList } from "../contract/action-list.ts";
import { awaitedOf } from "../contract/awaited.ts";
import { invocationName } from "../contract/invocation-name.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { Signal } from "../contract/signal.ts";
import { sameJson } from "../format/json.ts";
import { checkAnswer } from "../gate/answer-statement.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { checkBreakGlass } from "../gate/break-glass-statement.ts";
import { checkSignal } from "../gate/check-signal.ts";
import type { Again } from "./again.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { readGateRecord } from "./gate-record-binding.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

/** Verifying a signature costs about as much as this many steps of an expression. */
const STEPS_PER_SIGNATURE = 2000;

/** What became of the signed bytes that a receipt records. */
type Checked =
  | "absent"
  | { readonly refused: string }
  /** Whether they are about what the receipt is about, and say what it says. */
  | { readonly fits: boolean };

interface Recorded {
  readonly again: Again;
  readonly run: ClaimedRun & { readonly principals: PrincipalSet };
  readonly predicate: ReceiptPredicate;
  /** Undefined for the approval of a whole list. */
  readonly invoked: Invoked | undefined;
}

/** How the bytes of each event are checked. */
const checks: Readonly<Partial<Record<ReceiptPredicate["event"], (recorded: Recorded) => Promise<Checked>>>> =
  {
    "approval-recorded": approval,
    "break-glass-recorded": breakGlass,
    "answer-recorded": answer,
    "signal-recorded": signal,
  };

/**
 * Checks a receipt that records what somebody said against the bytes that they signed: an approval or rejection, the
 * word of who acts without one, an answer, a webhook. The bytes are there, their signature holds as of the receipt,
 * and they say what the receipt says. What it is worth, the gates decide.
 */
export async function checkRecordedWord(
  again: Again,
  run: Recorded["run"],
  receipt: Receipt,
  invoked: Invoked | undefined,
): Promise<void> {
  const { predicate, digest } = receipt;
  const check = checks[predicate.event];
  if (check === undefined) return;
  again.charge(STEPS_PER_SIGNATURE);
  const checked = await check({ again, run, predicate, invoked });
  const at = { receipt: digest };
  const { approvals: findings } = again;
  if (checked === "absent")
    findings.fail("FAILURE_COMPLETENESS", `what \`${predicate.event}\` records is absent`, at);
  else if ("refused" in checked)
    findings.fail(
      "FAILURE_SIGNATURE_INVALID",
      `what \`${predicate.event}\` records does not hold: ${checked.refused}`,
      at,
    );
  else if (!checked.fits) {
    const message = `what \`${predicate.event}\` records is about something else than its receipt`;
    findings.fail("FAILURE_DIGEST_MISMATCH", message, at);
  }
}

async function approval({ again, run, predicate, invoked }: Recorded): Promise<Checked> {
  const { detail, time, actor, approvals, step } = predicate;
  const envelope = again.bundle.envelope("approval", String(detail?.approval));
  if (envelope === undefined) return "absent";
  const checked = await checkApproval(envelope, run.principals, time.claimedUtc);
  if (!checked.ok) return { refused: checked.reason };
  const { fact, statement } = checked;
  const { digest, principal, decision, keyId } = fact;
  const says =
    actor.principal === principal &&
    detail?.decision === decision &&
    sameJson(approvals, [{ digest, principal, decision, keyId }]);
  if (detail?.list === undefined)
    return { fits: says && statement.actionDigest === invoked?.paused?.actionDigest };
  const list = again.bundle.document<ActionList>("action-list", String(detail.list));
  if (list === undefined) return "absent";
  return {
    fits: says && statement.actionDigest === detail.list && list.run === run.id && list.step === step?.id,
  };
}

async function breakGlass({ again, run, predicate, invoked }: Recorded): Promise<Checked> {
  const { detail, time, actor, step } = predicate;
  const envelope = again.bundle.envelope("break-glass", String(detail?.breakGlass));
  if (envelope === undefined) return "absent";
  const checked = await checkBreakGlass(envelope, run.principals, time.claimedUtc, 1);
  if (!checked.ok) return { refused: checked.reason };
  const { statement } = checked;
  return {
    fits:
      statement.principal === actor.principal &&
      statement.breakGlass === detail?.id &&
      statement.reason === detail.reason &&
      statement.invocation === invocationName(run.id, step) &&
      statement.actionDigest === invoked?.paused?.actionDigest,
  };
}

async function answer({ again, run, predicate, invoked }: Recorded): Promise<Checked> {
  const { detail, time, actor, step } = predicate;
  const envelope = again.bundle.envelope("answer", String(detail?.answer));
  if (envelope === undefined) return "absent";
  const { claimedUtc } = time;
  const checked = await checkAnswer(envelope, run.principals, claimedUtc, claimedUtc);
  if (!checked.ok) return { refused: checked.reason };
  const { statement } = checked;
  return {
    fits:
      statement.principal === actor.principal &&
      statement.invocation === invocationName(run.id, step) &&
      statement.actionDigest === invoked?.paused?.actionDigest,
  };
}

async function signal({ again, run, predicate, invoked }: Recorded): Promise<Checked> {
  const { detail, time, step } = predicate;
  const came = again.bundle.document<Signal>("signal", String(detail?.signal));
  if (came === undefined) return "absent";
  const publicKey = await keyAwaited(again, invoked);
  if (publicKey === undefined) return { refused: "the step waits for no webhook" };
  const checked = await checkSignal(came, publicKey, invocationName(run.id, step), time.claimedUtc);
  return checked.ok ? { fits: came.id === detail?.id } : { refused: checked.reason };
}

/** The key that an invocation's contract expects a webhook to be signed with. */
async function keyAwaited(again: Again, invoked: Invoked | undefined): Promise<string | undefined> {
  const { bundle } = again;
  const record = await readGateRecord(bundle, invoked?.paused?.record ?? "");
  if (record === undefined) return undefined;
  const { id, version } = record.action.contract;
  const contract = bundle.contracts.get(`${id}@${version}`)?.contract;
  const awaits = contract && again.cel(() => awaitedOf(contract, record.action));
  return awaits?.ok === true && awaits.awaited?.what === "signal" ? awaits.awaited.publicKey : undefined;
}
