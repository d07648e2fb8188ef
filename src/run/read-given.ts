import type { Awaited } from "../contract/awaited.ts";
import { answerResult, type Given, signalResult, timeResult } from "../contract/awaited-result.ts";
import type { GateRecord, GivenFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Signal } from "../contract/signal.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkAnswer } from "../gate/answer-statement.ts";
import { checkSignal } from "../gate/check-signal.ts";
import { readEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState } from "./run-state.ts";

/** What arrived for an invocation, as a gate sees it and as the call is given it. */
export interface Arrived {
  readonly fact: GivenFact;
  readonly given: Given;
}

/**
 * Answers and webhooks that were recorded for an invocation and hold, checked anew.
 *
 * @param wanted digest of the action: an answer to another one is none.
 */
export async function readGiven(
  lane: Lane,
  invocation: InvocationState,
  awaited: Awaited,
  principals: PrincipalSet,
  now: string,
  wanted: Digest,
): Promise<Arrived[]> {
  const arrived: Arrived[] = [];
  for (const { what, digest, at } of invocation.given) {
    const bytes = lane.store.document(digest);
    if (what !== awaited.what || bytes === undefined) continue;
    if (awaited.what === "answer") {
      const checked = await checkAnswer(readEnvelope(lane.store, digest), principals, now, at);
      const isOwn = checked.ok && checked.statement.actionDigest === wanted;
      if (isOwn)
        arrived.push({ fact: checked.fact, given: answerResult(awaited.task, checked.statement, bytes) });
    } else if (awaited.what === "signal") {
      const signal = parseJson(bytes) as unknown as Signal;
      // It was recent when it was recorded; it may be used much later.
      const sent = utcFromMillis(signal.timestamp * 1000);
      const checked = await checkSignal(signal, awaited.publicKey, invocation.id, sent);
      const fact = { what: "signal" as const, digest, id: signal.id, at };
      if (checked.ok) arrived.push({ fact, given: signalResult(signal, checked.body) });
    }
  }
  return arrived;
}

/** What a call is given that the gates allowed: what the input gate counted, or the time that came. */
export function givenBy(
  awaited: Awaited,
  record: GateRecord,
  arrived: readonly Arrived[],
): Given | undefined {
  const decided = record.gates.at(-1);
  if (record.decision !== "allow" || decided?.gate !== "input") return undefined;
  if (awaited.what === "time") return timeResult(String(decided.facts.due), record.decidedAt);
  return arrived.find(({ fact }) => fact.digest === decided.facts.input)?.given;
}
