import type { Awaited } from "../contract/awaited.ts";
import { answerResult, type Given, signalResult, timeResult } from "../contract/awaited-result.ts";
import type { GateRecord, GivenFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Signal } from "../contract/signal.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { envelopeToJson } from "../format/dsse.ts";
import { sameJson } from "../format/json.ts";
import { millisOf } from "../format/time.ts";
import { checkAnswer } from "../gate/answer-statement.ts";
import { checkSignal } from "../gate/check-signal.ts";
import type { GateFacts } from "../gate/facts.ts";
import { inputGate } from "../gate/input-gate.ts";
import type { Again } from "./again.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";

/** Verifying a signature costs about as much as this many steps of an expression. */
const STEPS_PER_SIGNATURE = 2000;

type Checked =
  | { readonly ok: true; readonly fact: GivenFact; readonly given: Given }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks the answers and webhooks that a gate record saw against the signed bytes: present, receipted before, signed
 * by who they name, about this very invocation; and that none which was there is left out.
 *
 * @returns the facts as the bytes give them.
 */
export async function checkRecordedGiven(
  again: Again,
  principals: PrincipalSet,
  receipt: Receipt,
  invoked: Invoked,
  record: GateRecord,
  awaited: Awaited,
): Promise<GivenFact[]> {
  const at = { receipt: receipt.digest };
  const invalid = (message: string): void =>
    again.approvals.fail("FAILURE_APPROVAL_INVALID", `\`${record.action.invocation}\`: ${message}`, at);
  const stated = record.given ?? [];
  const inOrder = invoked.given.filter(({ digest }) => stated.some((one) => one.digest === digest));
  if (
    !sameJson(
      inOrder.map(({ digest }) => digest),
      stated.map(({ digest }) => digest),
    )
  )
    invalid("the gate saw what was given in another order than it was recorded, or twice");
  const facts: GivenFact[] = [];
  for (const one of stated) {
    const recorded = invoked.given.find(({ digest, what }) => digest === one.digest && what === one.what);
    if (recorded === undefined) {
      invalid(`no receipt before the call records the ${one.what} that the gate saw`);
      continue;
    }
    const checked = await checkOne(again, principals, record, awaited, recorded);
    if (checked === undefined) {
      again.approvals.fail("FAILURE_COMPLETENESS", `the ${one.what} that a gate saw is absent`, at);
    } else if (!checked.ok) invalid(`the ${one.what} does not hold: ${checked.reason}`);
    else if (!sameJson(checked.fact, one)) invalid(`the gate saw another ${one.what} than was recorded`);
    else facts.push(checked.fact);
  }
  for (const recorded of invoked.given) {
    if (stated.some(({ digest }) => digest === recorded.digest)) continue;
    if ((millisOf(recorded.at) ?? 0) > (millisOf(record.decidedAt) ?? 0)) continue;
    const left = await checkOne(again, principals, record, awaited, recorded);
    if (left?.ok === true) invalid(`the gate did not see an ${recorded.what} that was there`);
  }
  return facts;
}

/** One recorded answer or webhook; undefined when the bundle lacks it. */
async function checkOne(
  again: Again,
  principals: PrincipalSet,
  record: GateRecord,
  awaited: Awaited,
  { what, digest, at }: Invoked["given"][number],
): Promise<Checked | undefined> {
  again.charge(STEPS_PER_SIGNATURE);
  const { invocation } = record.action;
  if (what !== awaited.what) return { ok: false, reason: "the step waits for something else" };
  if (awaited.what === "answer") {
    const envelope = again.bundle.envelope("answer", digest);
    const checked = envelope && (await checkAnswer(envelope, principals, record.decidedAt, at));
    if (envelope === undefined || checked === undefined) return undefined;
    if (!checked.ok) return checked;
    const { statement, fact } = checked;
    if (statement.invocation !== invocation || statement.actionDigest !== record.actionDigest)
      return { ok: false, reason: "it is about another action" };
    const bytes = canonicalBytes(envelopeToJson(envelope));
    return { ok: true, fact, given: answerResult(awaited.task, statement, bytes) };
  }
  const signal = again.bundle.document<Signal>("signal", digest);
  if (signal === undefined || awaited.what !== "signal") return undefined;
  const checked = await checkSignal(signal, awaited.publicKey, invocation, at);
  if (!checked.ok) return checked;
  const fact = { what: "signal" as const, digest, id: signal.id, at };
  return { ok: true, fact, given: signalResult(signal, checked.body) };
}

/** What a call that was allowed was given: its captured result must be just that. Undefined when it is not there. */
export async function givenTo(
  again: Again,
  principals: PrincipalSet,
  invoked: Invoked,
  record: GateRecord,
  awaited: Awaited,
): Promise<Given | undefined> {
  const decided = record.gates.at(-1);
  if (record.decision !== "allow" || decided?.gate !== "input") return undefined;
  if (awaited.what === "time") return timeResult(String(decided.facts.due), record.decidedAt);
  const recorded = invoked.given.find(({ digest }) => digest === decided.facts.input);
  const checked = recorded && (await checkOne(again, principals, record, awaited, recorded));
  return checked?.ok === true ? checked.given : undefined;
}

/** Decides the input gate of an answered call once more, with keys, roles and custody of the reviewer's trust file. */
export async function checkAnchoredAnswer(
  again: Again,
  facts: GateFacts,
  record: GateRecord,
  receipt: Receipt,
): Promise<void> {
  const { anchor, approvals: findings } = again;
  const isAnswered = facts.awaited?.what === "answer" && (facts.given ?? []).length > 0;
  // One without an answer that holds has been reported.
  if (!isAnswered || !anchor.given) return;
  const principals = trustedPrincipals(facts.principals, anchor);
  const given: GivenFact[] = [];
  const unlisted: string[] = [];
  for (const fact of facts.given ?? []) {
    if (fact.what !== "answer") continue;
    if (anchor.principal(fact.principal) === undefined) {
      unlisted.push(fact.principal);
      continue;
    }
    const envelope = again.bundle.envelope("answer", fact.digest);
    const checked = envelope && (await checkAnswer(envelope, principals, facts.now, fact.at));
    if (checked?.ok === true) given.push(checked.fact);
  }
  const decided = inputGate({ ...facts, principals, given });
  // Another answer that would have been accepted is not the one by which the call went on.
  if (decided.decision === "allow" && decided.facts.input === record.gates.at(-1)?.facts.input) return;
  if (unlisted.length > 0) {
    findings.untested(`the trust file does not list \`${unlisted[0]}\`, who answered a step`);
  } else {
    const message = `\`${facts.action.invocation}\` was answered by nobody whom the trust file accepts`;
    findings.contradict("FAILURE_APPROVAL_INVALID", message, { receipt: receipt.digest });
  }
}
