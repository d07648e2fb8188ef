import { isLookUpOf, lookUpContract } from "../contract/challenge.ts";
import type { TargetAuthorization } from "../contract/engagement.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import { millisOfDuration } from "../format/duration.ts";
import type { JsonObject } from "../format/json.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { engagementStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import { decidedCall } from "./end-step.ts";
import type { Lane } from "./lane.ts";
import { proofSubject } from "./read-proofs.ts";
import { runParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import { invocationsOf } from "./run-state.ts";

/** The contract that looks a challenge up, and what it is called with. */
export function challengeCall({ challenge }: TargetAuthorization): {
  contract: string;
  inputs: { domain: string };
} {
  const contract = lookUpContract(challenge ?? { method: "dns-txt" });
  return { contract, inputs: { domain: challenge?.domain ?? "" } };
}

/**
 * Records that a run's look-up found the token of an authorization: from now on, until the proof expires, the
 * authorization is in force.
 *
 * @throws RunError `STATEMENT_REFUSED` when the run did not find it.
 */
export async function recordDomainControl(
  lane: Lane,
  run: string,
  authorization: TargetAuthorization,
): Promise<{ receipt: Digest; expiresAt: string }> {
  const state = lane.states.load(run);
  const { challenge } = authorization;
  const [found] = invocationsOf(state);
  const values = found?.outputs?.values;
  const isFound =
    found?.phase === "executed" && Array.isArray(values) && values.includes(challenge?.token ?? "");
  if (challenge === undefined || found?.receipt === undefined || !isFound) {
    throw new RunError({
      code: "STATEMENT_REFUSED",
      message: `the token of \`${authorization.id}\` was not found: \`${challenge?.domain ?? ""}\` is not proved`,
      hint: `witnessops run show ${run}`,
    });
  }
  const attempt = found.attempts.at(-1);
  const called = attempt && decidedCall(lane, attempt);
  if (
    called === undefined ||
    !isLookUpOf(challenge, called.contract, called.record.action.inputs as JsonObject)
  ) {
    throw new RunError({
      code: "STATEMENT_REFUSED",
      message: `run \`${run}\` asked for something else than the challenge of \`${authorization.id}\``,
      hint: "let the look-up be made with the domain of the challenge and nothing else",
    });
  }
  const { document } = state;
  // The proof is as old as the look-up, whenever it is recorded.
  const expiresAt = utcFromMillis(lookedUpAt(lane, found.receipt) + millisOfDuration(challenge.validFor));
  const { domain, method } = challenge;
  const detail = { authorization: authorization.id, domain, method, receipt: found.receipt, expiresAt };
  const subject = proofSubject(document.engagement.id, authorization.id);
  const result = await appendReceipt(
    lane,
    engagementStream(document.engagement.id),
    {
      event: "domain-control-proved",
      subject: [{ name: "look-up", digest: { sha256: hexOf(found.receipt) } }],
      predicate: { ...runParts(document, lane.origin, isLab(lane, state)), detail },
    },
    { change: { status: [{ subject, status: `${found.receipt} ${expiresAt}` }] } },
  );
  if (!result.ok)
    throw new RunError({ code: "RUN_CONTENDED", message: `the proof was not recorded: ${result.conflict}` });
  return { receipt: found.receipt, expiresAt };
}

function lookedUpAt(lane: Lane, receipt: Digest): number {
  const stored = lane.store.receipt(receipt);
  const at = stored && millisOf(readReceipt(stored.payload).predicate.time.claimedUtc);
  if (at === undefined) throw new TypeError(`the receipt \`${receipt}\` of a look-up is not in the store`);
  return at;
}
