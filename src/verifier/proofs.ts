import { type Challenge, isLookUpOf } from "../contract/challenge.ts";
import { referenceOf } from "../contract/contract.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { GateRecord, ProofFact } from "../contract/gate-record.ts";
import { millisOfDuration } from "../format/duration.ts";
import type { JsonObject } from "../format/json.ts";
import { millisOf } from "../format/time.ts";
import type { Again } from "./again.ts";
import { gateRecordDigest, readGateRecord } from "./gate-record-binding.ts";
import type { Receipt } from "./read-receipts.ts";

/**
 * Checks the proofs of domain control that a gate record saw: each was receipted before in the engagement's stream, holds
 * no longer than the pinned engagement says, and where the run that looked it up is in the bundle, that run was no
 * draft of this engagement, asked for the challenge's own domain, and found its token.
 *
 * @returns the proofs that hold; undefined when the record has none to have.
 */
export async function checkRecordedProofs(
  again: Again,
  { engagement }: { readonly engagement: Engagement },
  record: GateRecord,
  wrong: (message: string) => void,
): Promise<ProofFact[] | undefined> {
  if (record.proofs === undefined) return undefined;
  const { bundle, decisions, charge } = again;
  charge(bundle.receipts.length * record.proofs.length);
  const stream = bundle.streams.get(`engagement:${engagement.id}`) ?? [];
  const hold: ProofFact[] = [];
  for (const proof of record.proofs) {
    const name = proof.authorization;
    const challenge = engagement.authorizations.find(({ id }) => id === name)?.challenge;
    const recorded = stream.find((receipt) => isProof(receipt, proof, record.decidedAt));
    if (recorded === undefined || challenge === undefined) {
      wrong(`no receipt before the call records the proof of \`${name}\` that the gate saw`);
      continue;
    }
    const { detail } = recorded.predicate;
    if (detail?.domain !== challenge.domain || detail.method !== challenge.method) {
      wrong(`the proof of \`${name}\` is about another challenge than the engagement's`);
      continue;
    }
    const lookUp = bundle.receipts.find(({ digest }) => digest === proof.receipt);
    if (!endsInTime(lookUp ?? recorded, challenge, proof)) {
      wrong(`the proof of \`${name}\` would hold for longer than the engagement says`);
      continue;
    }
    if (lookUp === undefined) {
      decisions.note(`that \`${name}\` was proved is the host's word: the run that looked is not here`);
    } else {
      const against = await whyNoProof(again, lookUp, engagement, challenge);
      if (against !== undefined) {
        wrong(`the look-up for \`${name}\` ${against}`);
        continue;
      }
    }
    hold.push(proof);
  }
  return hold;
}

function isProof({ predicate }: Receipt, proof: ProofFact, decidedAt: string): boolean {
  const { event, detail, time } = predicate;
  return (
    event === "domain-control-proved" &&
    detail?.authorization === proof.authorization &&
    detail.receipt === proof.receipt &&
    detail.expiresAt === proof.expiresAt &&
    (millisOf(time.claimedUtc) ?? 0) <= (millisOf(decidedAt) ?? 0)
  );
}

/** A proof is as old as the look-up; without that, as its receipt. */
function endsInTime({ predicate }: Receipt, challenge: Challenge, { expiresAt }: ProofFact): boolean {
  const [since, until] = [millisOf(predicate.time.claimedUtc), millisOf(expiresAt)];
  if (since === undefined || until === undefined) return false;
  return until <= since + millisOfDuration(challenge.validFor);
}

/** Why a receipt is no look-up that found the challenge's token; undefined when it is. */
async function whyNoProof(
  { bundle, runs }: Again,
  receipt: Receipt,
  engagement: Engagement,
  challenge: Challenge,
): Promise<string | undefined> {
  const { event, contract, invocation, run: id } = receipt.predicate;
  const run = runs.find((one) => one.id === id);
  if (run === undefined) return "is of a run that the bundle does not claim";
  if (run.document.engagement.id !== engagement.id) return "was made for another engagement";
  // The contracts of a run that is no draft are those of the authorized lock.
  if (run.document.draft) return "was made by a draft";
  if (event !== "step-executed") return "was not executed";
  const called = bundle.contracts.get(contract === undefined ? "" : referenceOf(contract));
  const record = await readGateRecord(bundle, gateRecordDigest(receipt) ?? "");
  if (called === undefined || record === undefined) return "is not whole";
  if (!isLookUpOf(challenge, called.contract, record.action.inputs as JsonObject))
    return "asked for something else";
  const values = invocation?.outputs?.values;
  return Array.isArray(values) && values.includes(challenge.token) ? undefined : "did not find its token";
}
